"""Item vectors in two bytes or one a number."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args

import numpy as np
import tensorflow as tf

from tfrs_timirec.layers import ItemEmbedding
from tfrs_timirec.models import SequentialRecommender

Storage = Literal["float32", "float16", "int8"]
STORAGES: tuple[Storage, ...] = get_args(Storage)

_LARGEST_INT8 = 127


class CompactTable(tf.Module):
    r"""A table of vectors that takes less memory and reads as float32.

    "float16" rounds every number. "int8" keeps a row x as the integers
    $\mathrm{round}(x / s)$ and the float32 scale $s = \max|x| / 127$ of the
    row, so no number is off by more than $s / 2$.

    It is read by rows, `tf.gather(table, indices)`, and by ranges of rows,
    `table[start:stop]`. Never is more of it in float32 than was asked for.

    Args:
        vectors: (num_rows, dim) floats.
        storage: "float16" or "int8".

    Raises:
        ValueError: if `storage` is neither.

    Example:
    >>> table = CompactTable(model.item_embeddings, "int8")
    >>> tf.gather(table, [2, 3]).dtype
    tf.float32
    """

    dtype = tf.float32

    def __init__(self, vectors: Any, storage: Storage):
        super().__init__(name="compact_table")
        values = np.asarray(vectors, np.float32)
        self.shape = tf.TensorShape(values.shape)
        self._scales: tf.Variable | None = None
        if storage == "int8":
            scales = np.abs(values).max(axis=1, keepdims=True) / _LARGEST_INT8
            safe = np.where(scales > 0, scales, 1)
            stored = np.rint(values / safe).astype(np.int8)
            self._scales = tf.Variable(scales, trainable=False, name="scales")
        elif storage == "float16":
            stored = values.astype(np.float16)
        else:
            raise ValueError(
                "CompactTable: `storage` must be 'float16' or 'int8'. Received:"
                f" storage={storage!r}"
            )
        self._values = tf.Variable(stored, trainable=False, name="values")

    def sparse_read(self, indices: tf.Tensor, name: str | None = None) -> Any:
        """Returns the rows of some indices, in float32, for `tf.gather`."""
        rows = tf.cast(tf.gather(self._values, indices, name=name), tf.float32)
        if self._scales is not None:
            rows *= tf.gather(self._scales, indices)
        return rows

    def __getitem__(self, rows: slice) -> tf.Tensor:
        block = tf.cast(self._values[rows], tf.float32)
        return block if self._scales is None else block * self._scales[rows]


def compact_tables(
    model: SequentialRecommender, storage: Storage
) -> dict[tf.keras.layers.Layer, CompactTable]:
    """Returns a compact copy of each item table of a model, by its layer.

    Args:
        model: a trained model.
        storage: "float32" copies nothing, "float16" or "int8".

    Raises:
        ValueError: if `storage` is unknown, or the model has no
            `ItemEmbedding` to store that way.
    """
    if storage not in STORAGES:
        raise ValueError(
            f"`storage` must be one of {', '.join(STORAGES)}. Received:"
            f" storage={storage!r}"
        )
    if storage == "float32":
        return {}
    layers = [
        layer for layer in model.submodules if isinstance(layer, ItemEmbedding)
    ]
    if not layers:
        raise ValueError(
            f"`storage` must be 'float32' for a {type(model).__name__} without"
            f" an `ItemEmbedding` layer. Received: storage={storage!r}"
        )
    return {layer: CompactTable(layer.embeddings, storage) for layer in layers}


@contextlib.contextmanager
def read_from(
    tables: Mapping[tf.keras.layers.Layer, CompactTable],
) -> Iterator[None]:
    """Lets layers read compact tables instead of their own, for a while.

    Args:
        tables: the table of each layer, as `compact_tables` returns them.
    """
    own = {layer: layer.embeddings for layer in tables}
    try:
        for layer, table in tables.items():
            # Past Keras, which would take the table for a weight.
            vars(layer)["embeddings"] = table
            vars(layer)["call"] = _lookup(table, layer.compute_dtype)
        yield
    finally:
        for layer, embeddings in own.items():
            vars(layer)["embeddings"] = embeddings
            vars(layer).pop("call", None)  # The class's own counts again.


def _lookup(
    table: CompactTable, dtype: str
) -> Callable[[tf.Tensor], tf.Tensor]:
    # In the place of `embedding_lookup`, which reads but variables by rows.
    return lambda item_ids: tf.cast(tf.gather(table, item_ids), dtype)
