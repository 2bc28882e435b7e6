"""Recommenders as `tfrs.Model`."""

from tfrs_timirec.models.comirec import ComiRec
from tfrs_timirec.models.feature_specs import empty_features, feature_spec
from tfrs_timirec.models.gru4rec import GRU4Rec
from tfrs_timirec.models.mind import MIND
from tfrs_timirec.models.sasrec import SASRec
from tfrs_timirec.models.sequential_recommender import (
    RANKING_LOSSES,
    SequentialRecommender,
)
from tfrs_timirec.models.single_vector_recommender import (
    SingleVectorRecommender,
)
from tfrs_timirec.models.timirec import TiMiRec, aggregate
from tfrs_timirec.models.tisasrec import TiSASRec
from tfrs_timirec.models.youtube_dnn import YouTubeDNN

__all__ = [
    "MIND",
    "RANKING_LOSSES",
    "ComiRec",
    "GRU4Rec",
    "SASRec",
    "SequentialRecommender",
    "SingleVectorRecommender",
    "TiMiRec",
    "TiSASRec",
    "YouTubeDNN",
    "aggregate",
    "empty_features",
    "feature_spec",
]
