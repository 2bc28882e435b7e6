"""Extractors and predictors by name, and the models they plug into."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from tfrs_timirec.layers import (
    DeepFMInterestPredictor,
    DynamicRoutingExtractor,
    GRUInterestPredictor,
    MINDExtractor,
    SelfAttentiveExtractor,
    TimeAwareInterestPredictor,
    TransformerInterestPredictor,
    UniformInterestPredictor,
)
from tfrs_timirec.models import ComiRec, TiMiRec

EXTRACTOR_NAMES = ("self_attentive", "dynamic_routing", "mind")
PREDICTOR_NAMES = ("gru", "transformer", "time_aware", "deepfm", "uniform")

# What says nothing without a certain part: setting -> (where, its value).
NEEDED_PARTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "attention_dim": ("extractor", "self_attentive"),
        "positions_in_sum": ("extractor", "self_attentive"),
        "adaptive_interests": ("extractor", "mind"),
        "context_features": ("predictor", "deepfm"),
    }
)


def make_comirec(
    vocabulary_size: int,
    *,
    extractor: str = "self_attentive",
    adaptive_interests: bool = False,
    loss: str = "bpr",
    **sizes: Any,
) -> ComiRec:
    """Returns ComiRec with an extractor of a name.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        extractor: one of `EXTRACTOR_NAMES`.
        adaptive_interests: see `MINDExtractor`.
        loss: see `SequentialRecommender`.
        **sizes: arguments of `ComiRec`.
    """
    if extractor == "self_attentive":
        return ComiRec(vocabulary_size, loss=loss, **sizes)
    return ComiRec(
        extractor=_make_extractor(
            extractor, vocabulary_size, adaptive_interests, sizes
        ),
        max_history_length=sizes["max_history_length"],
        loss=loss,
    )


def make_timirec(
    vocabulary_size: int,
    *,
    extractor: str = "self_attentive",
    adaptive_interests: bool = False,
    predictor: str = "gru",
    context_features: str = "request_timestamp",
    attribute_sizes: Mapping[str, int] | None = None,
    **arguments: Any,
) -> TiMiRec:
    """Returns TiMiRec with an extractor and a predictor of a name.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        extractor: one of `EXTRACTOR_NAMES`.
        adaptive_interests: see `MINDExtractor`.
        predictor: one of `PREDICTOR_NAMES`.
        context_features: what a "deepfm" reads, separated by commas.
        attribute_sizes: number of ids of those that are attributes.
        **arguments: arguments of `TiMiRec`.
    """
    if (extractor, predictor) == ("self_attentive", "gru"):
        return TiMiRec(vocabulary_size, **arguments)
    return TiMiRec(
        # First, for what it draws at random is what it draws in ComiRec.
        extractor=_make_extractor(
            extractor, vocabulary_size, adaptive_interests, arguments
        ),
        predictor=_make_predictor(
            predictor,
            vocabulary_size,
            split_names(context_features),
            attribute_sizes or {},
            arguments,
        ),
        **arguments,
    )


def split_names(names: str) -> tuple[str, ...]:
    """Returns names that are separated by commas.

    Args:
        names: as "request_timestamp, item_genres".
    """
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _make_extractor(
    name: str,
    vocabulary_size: int,
    adaptive_interests: bool,
    sizes: Mapping[str, Any],
) -> tf.keras.layers.Layer:
    shared = {
        "num_interests": sizes["num_interests"],
        "embedding_dim": sizes["embedding_dim"],
        "max_history_length": sizes["max_history_length"],
        "name": "extractor",
    }
    if name == "self_attentive":
        own = ("attention_dim", "transformer", "positions_in_sum", "dropout")
        return SelfAttentiveExtractor(
            vocabulary_size,
            **shared,
            **{key: sizes[key] for key in own if key in sizes},
        )
    if name == "mind":
        return MINDExtractor(
            vocabulary_size, adaptive_interests=adaptive_interests, **shared
        )
    return DynamicRoutingExtractor(vocabulary_size, **shared)


def _make_predictor(
    name: str,
    vocabulary_size: int,
    context_features: tuple[str, ...],
    attribute_sizes: Mapping[str, int],
    arguments: Mapping[str, Any],
) -> tf.keras.layers.Layer:
    if name == "uniform":
        return UniformInterestPredictor(
            arguments["num_interests"], name="predictor"
        )
    shared = {
        "num_interests": arguments["num_interests"],
        "embedding_dim": arguments["embedding_dim"],
        "num_projection_layers": arguments["num_projection_layers"],
        "name": "predictor",
    }
    if name == "gru":
        return GRUInterestPredictor(vocabulary_size, **shared)
    if name == "transformer":
        return TransformerInterestPredictor(
            vocabulary_size,
            max_history_length=arguments["max_history_length"],
            **shared,
        )
    if name == "time_aware":
        return TimeAwareInterestPredictor(vocabulary_size, **shared)
    return DeepFMInterestPredictor(
        vocabulary_size,
        time_of_day="request_timestamp" in context_features,
        attribute_sizes=attribute_sizes,
        **shared,
    )
