"""Shapes and types of the features that models read, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int


def feature_spec(name: str, max_history_length: int) -> tf.TensorSpec:
    """Returns what a batch of a feature looks like.

    The features are those of `tfrs_timirec.data.ContextFeatures`.

    Args:
        name: name of the feature: "item_ids", "timestamps",
            "request_timestamp", "item_<column>" or "user_<column>".
        max_history_length: longest history (n).

    Raises:
        ValueError: if there is no such feature.

    Example:
    >>> feature_spec("timestamps", 20)
    TensorSpec(shape=(None, 20), dtype=tf.int64, name='timestamps')
    """
    specs = {
        "item_ids": ((None, max_history_length), tf.int32),
        "timestamps": ((None, max_history_length), tf.int64),
        "request_timestamp": ((None,), tf.int64),
    }
    if name in specs:
        shape, dtype = specs[name]
    elif name.startswith("item_"):
        shape, dtype = (None, max_history_length, None), tf.int32
    elif name.startswith("user_"):
        shape, dtype = (None, None), tf.int32
    else:
        raise ValueError(
            f"`name` must be one of {', '.join(specs)}, item_<column> or"
            f" user_<column>. Received: name={name!r}"
        )
    return tf.TensorSpec(shape, dtype, name)


def check_features(
    owner: str,
    features: Mapping[str, tf.Tensor],
    names: Iterable[str],
    source: str = "`features=model.feature_names`",
) -> None:
    """Raises a ValueError if a batch lacks a feature that a model reads.

    Args:
        owner: name of the model; the message starts with it.
        features: the batch.
        names: names of the features.
        source: what makes batches that have them.

    Raises:
        ValueError: naming what is missing.
    """
    missing = [name for name in names if name not in features]
    if missing:
        raise ValueError(
            f"{owner}: `features` must hold {', '.join(names)}. Received:"
            f" {', '.join(features)}, without {', '.join(missing)}. Make the"
            f" batches with {source}."
        )


def only_features(
    owner: str,
    batch: Mapping[str, tf.Tensor] | tuple[Mapping[str, tf.Tensor], ...],
) -> Mapping[str, tf.Tensor]:
    """Returns the features of a batch as Keras hands it over.

    Args:
        owner: name of the model; the message starts with it.
        batch: the features, or a tuple of them, labels and weights.

    Raises:
        ValueError: if it comes with labels, saying where they belong.
    """
    if not isinstance(batch, tuple):
        return batch
    features, *others = batch
    if any(other is not None for other in others):
        raise ValueError(
            f"{owner}: a batch must be a dict of features without labels or"
            f" weights. Received: a tuple of {len(batch)}. What came next is"
            " the feature `target_id`; see `training_dataset` and"
            " `evaluation_dataset`."
        )
    return features


def longest_history(default: int, *layers: tf.keras.layers.Layer) -> int:
    """Returns the most places that all of some layers can read.

    Args:
        default: what counts for layers without a `max_history_length`.
        *layers: the layers.
    """
    return min(
        getattr(layer, "max_history_length", default) for layer in layers
    )


def length_to_read(
    owner: str, model: tf.keras.Model, max_history_length: int | None
) -> int:
    """Returns how many items of a history a model is given.

    Args:
        owner: who is told it; begins the message of the error.
        model: any recommender.
        max_history_length: what was asked for; by default as many as the model
            reads, 20 if it reads any number, as GRU4Rec does.

    Raises:
        ValueError: if it is not a positive integer, or more than the model
            reads.
    """
    readable = min(
        (
            part.max_history_length
            for part in (model, *model.submodules)
            if hasattr(part, "max_history_length")
        ),
        default=None,
    )
    if max_history_length is None:
        return readable or 20
    check_positive_int(owner, max_history_length=max_history_length)
    if readable is not None and max_history_length > readable:
        raise ValueError(
            f"{owner}: `max_history_length` must be at most the {readable}"
            " items that `model` reads. Received:"
            f" max_history_length={max_history_length}. Leave it out, or make"
            " the model with a larger `max_history_length`."
        )
    return max_history_length


def empty_features(
    names: tuple[str, ...], max_history_length: int
) -> dict[str, tf.Tensor]:
    """Returns features of one empty history, to build a model with.

    Args:
        names: names of the features.
        max_history_length: longest history (n).

    Raises:
        ValueError: if there is no such feature.

    Example:
    >>> empty_features(("item_ids",), 3)["item_ids"].numpy()
    array([[0, 0, 0]], dtype=int32)
    """
    specs = [feature_spec(name, max_history_length) for name in names]
    return {
        spec.name: tf.zeros([size or 1 for size in spec.shape], spec.dtype)
        for spec in specs
    }
