"""Keras layers."""

from tfrs_timirec.layers.deepfm_interest_predictor import (
    DeepFMInterestPredictor,
)
from tfrs_timirec.layers.dynamic_routing_extractor import (
    DynamicRoutingExtractor,
)
from tfrs_timirec.layers.gru_interest_predictor import GRUInterestPredictor
from tfrs_timirec.layers.item_embedding import ItemEmbedding
from tfrs_timirec.layers.layer_normalization import LayerNormalization
from tfrs_timirec.layers.mind_extractor import MINDExtractor
from tfrs_timirec.layers.multi_interest_attention import MultiInterestAttention
from tfrs_timirec.layers.packed_gru import PackedGRU
from tfrs_timirec.layers.packing import Packing, pack
from tfrs_timirec.layers.recency_embedding import RecencyEmbedding
from tfrs_timirec.layers.resumable_dropout import ResumableDropout
from tfrs_timirec.layers.self_attentive_extractor import SelfAttentiveExtractor
from tfrs_timirec.layers.time_aware_interest_predictor import (
    TimeAwareInterestPredictor,
)
from tfrs_timirec.layers.time_embedding import TimeEmbedding
from tfrs_timirec.layers.transformer_block import TransformerBlock
from tfrs_timirec.layers.transformer_interest_predictor import (
    TransformerInterestPredictor,
)
from tfrs_timirec.layers.uniform_interest_predictor import (
    UniformInterestPredictor,
)

__all__ = [
    "DeepFMInterestPredictor",
    "DynamicRoutingExtractor",
    "GRUInterestPredictor",
    "ItemEmbedding",
    "LayerNormalization",
    "MINDExtractor",
    "MultiInterestAttention",
    "PackedGRU",
    "Packing",
    "RecencyEmbedding",
    "ResumableDropout",
    "SelfAttentiveExtractor",
    "TimeAwareInterestPredictor",
    "TimeEmbedding",
    "TransformerBlock",
    "TransformerInterestPredictor",
    "UniformInterestPredictor",
    "pack",
]
