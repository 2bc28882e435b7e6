"""The checks that every layer must pass, in the manner of keras-hub.

A layer is described by a `LayerCase`. All cases are fed with the same item
ids: layers of ids take them as they are, layers of vectors take a fixed vector
for each id, with whatever one likes in the places of the padding.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

import tfrs_timirec  # noqa: F401  (Makes `tf.keras` Keras 2.)

VOCABULARY_SIZE = 12
DIM = 8
NUM_INTERESTS = 3

# Four histories of 3, 4, 1 and 6 items, padded in front and behind.
PADDED_LEFT = np.array(
    [
        [0, 0, 0, 5, 7, 3],
        [0, 0, 2, 9, 9, 4],
        [0, 0, 0, 0, 0, 11],
        [6, 2, 8, 3, 10, 5],
    ],
    np.int32,
)
PADDED_RIGHT = np.array(
    [
        [5, 7, 3, 0, 0, 0],
        [2, 9, 9, 4, 0, 0],
        [11, 0, 0, 0, 0, 0],
        [6, 2, 8, 3, 10, 5],
    ],
    np.int32,
)
# The first three with two places of padding less.
PADDED_LESS = PADDED_LEFT[:3, 2:]

# Arguments of a call by name; a dict of features is one argument.
Inputs = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class LayerCase:
    """What the harness must know of a layer.

    Args:
        make: makes the layer anew.
        inputs: turns item ids (batch, length), and what fills padded vectors,
            into the arguments of the layer's call.
        output_shape: shape of the output for `PADDED_LEFT`.
        weight_shapes: shapes of the weights, in no particular order.
        is_per_item: whether the output has a row for each place of a history.
        is_zero_when_empty: whether a history without an item gives zeros.
    """

    make: Callable[[], tf.keras.layers.Layer]
    inputs: Callable[[np.ndarray, float], Inputs]
    output_shape: tuple[int, ...]
    weight_shapes: tuple[tuple[int, ...], ...]
    is_per_item: bool = False
    is_zero_when_empty: bool = False


def as_ids(item_ids: np.ndarray, filler: float) -> Inputs:
    """Feeds a layer of item ids: padding can only be 0."""
    del filler
    return {"item_ids": item_ids}


def as_mask(item_ids: np.ndarray, filler: float) -> Inputs:
    """Feeds a layer of places."""
    del filler
    return {"valid_mask": item_ids != 0}


def as_vectors(name: str) -> Callable[[np.ndarray, float], Inputs]:
    """Feeds a layer of vectors whose first argument is `name`."""
    table = np.random.default_rng(1).normal(size=(VOCABULARY_SIZE, DIM))

    def inputs(item_ids: np.ndarray, filler: float) -> Inputs:
        mask = item_ids != 0
        vectors = np.where(mask[..., None], table[item_ids], filler)
        return {name: vectors.astype(np.float32), "mask": mask}

    return inputs


def as_moments(item_ids: np.ndarray, filler: float) -> Inputs:
    """Feeds a layer of times: item i comes at hour i, i^3 seconds later."""
    mask = item_ids != 0
    ids = np.where(mask, item_ids, int(filler))
    return {"timestamps": ids * 3600, "gaps": np.where(mask, ids**3, -1)}


def as_context(*names: str) -> Callable[[np.ndarray, float], Inputs]:
    """Feeds a layer of a dict of features.

    All follow from the items of a history, wherever its padding is.
    """

    def inputs(item_ids: np.ndarray, filler: float) -> Inputs:
        mask = item_ids != 0
        filling = int(filler)
        times = np.cumsum(item_ids.astype(np.int64) * 5000, axis=1)
        kinds = np.stack([item_ids % 3, item_ids % 2 * 3], axis=-1)
        features = {
            "item_ids": item_ids,
            "timestamps": np.where(mask, times, filling),
            "request_timestamp": item_ids.sum(axis=1).astype(np.int64) * 7000,
            "item_kind": np.where(
                mask[..., np.newaxis], kinds, filling % 3
            ).astype(np.int32),
            "user_age": item_ids.max(axis=1, keepdims=True) % 4,
        }
        return {"features": {name: features[name] for name in names}}

    return inputs


def call(layer: tf.keras.layers.Layer, inputs: Inputs) -> tf.Tensor:
    """Calls a layer with its first argument by position, as Keras wants."""
    tensors = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    first, *others = tensors
    return layer(tensors[first], **{name: tensors[name] for name in others})


def outputs(
    case: LayerCase,
    layer: tf.keras.layers.Layer,
    item_ids: np.ndarray,
    filler: float = 0.0,
) -> np.ndarray:
    """Returns what a layer says of the real items, flat where per item."""
    result = call(layer, case.inputs(item_ids, filler)).numpy()
    return result[item_ids != 0] if case.is_per_item else result


def make_with_large_weights(case: LayerCase) -> tf.keras.layers.Layer:
    """Returns a built layer with N(0, 0.5) weights.

    With the layers' own N(0, 0.01) a wrong term could hide in the tolerance.
    """
    layer = case.make()
    call(layer, case.inputs(PADDED_LEFT, 0.0))
    rng = np.random.default_rng(2)
    for weight in layer.weights:
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return layer


def through_json(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
    """Returns a layer made from another's configuration, as a JSON text."""
    text = json.dumps(tf.keras.layers.serialize(layer))
    return tf.keras.layers.deserialize(json.loads(text))


def through_saved_model(
    layer: tf.keras.layers.Layer, inputs: Inputs, folder: pathlib.Path
) -> Callable[[Inputs], tf.Tensor]:
    """Returns a layer's function for any batch, saved and loaded again."""
    signature = tf.nest.map_structure(
        lambda value: tf.TensorSpec((None, *value.shape[1:]), value.dtype),
        inputs,
    )
    module = tf.Module()
    module.layer = layer
    module.run = tf.function(
        lambda tensors: call(layer, tensors), input_signature=[signature]
    )
    tf.saved_model.save(module, folder)
    loaded = tf.saved_model.load(folder)
    return lambda arrays: loaded.run(tf.nest.map_structure(tf.constant, arrays))
