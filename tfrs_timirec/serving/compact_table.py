"""Item vectors as they are, or in two bytes or one a number."""

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
    r"""A table of vectors that reads as float32, in less memory if wanted.

    "float32" keeps a variable as it is. "float16" rounds every number. "int8"
    keeps a row x as the integers $\mathrm{round}(x / s)$ and the float32 scale
    $s = \max|x| / 127$ of the row, so no number is off by more than $s / 2$.

    It is read by rows, `tf.gather(table, indices)`, and by ranges of rows,
    `table[start:stop]`; whatever else takes a tensor reads the whole. Never is
    more of it in float32 than was asked for, and never is the whole of it
    copied: once TensorFlow has gathered from a variable itself, it copies it at
    every other read. Here rows are gathered from what a read gives, which
    shares the variable's memory.

    Args:
        vectors: (num_rows, dim) floats; for "float32", a variable.
        storage: "float32", "float16" or "int8".

    Raises:
        ValueError: if `storage` is none of them.

    Example:
    >>> table = CompactTable(model.item_embeddings, "int8")
    >>> tf.gather(table, [2, 3]).dtype
    tf.float32
    """

    dtype = tf.float32

    def __init__(self, vectors: Any, storage: Storage):
        super().__init__(name="compact_table")
        check_storage(storage)
        self.shape = tf.TensorShape(vectors.shape)
        self._scales: tf.Variable | None = None
        if storage == "float32":
            self._values: tf.Variable = vectors
            # Ends the copying, if training has gathered from it.
            vectors.read_value_no_copy()
            return
        values = np.asarray(vectors, np.float32)
        if storage == "int8":
            scales = np.abs(values).max(axis=1, keepdims=True) / _LARGEST_INT8
            safe = np.where(scales > 0, scales, 1)
            stored = np.rint(values / safe).astype(np.int8)
            self._scales = tf.Variable(scales, trainable=False, name="scales")
        else:
            stored = values.astype(np.float16)
        self._values = tf.Variable(stored, trainable=False, name="values")

    def sparse_read(self, indices: tf.Tensor, name: str | None = None) -> Any:
        """Returns the rows of some indices, in float32, for `tf.gather`."""
        values = self._values.read_value()
        rows = tf.cast(tf.gather(values, indices, name=name), tf.float32)
        if self._scales is not None:
            rows *= tf.gather(self._scales.read_value(), indices)
        return rows

    def __getitem__(self, rows: slice) -> tf.Tensor:
        block = tf.cast(self._values.read_value()[rows], tf.float32)
        if self._scales is not None:
            block *= self._scales.read_value()[rows]
        return block


def _read_whole(
    table: CompactTable,
    dtype: tf.DType | None = None,
    name: str | None = None,
    as_ref: bool = False,
) -> tf.Tensor:
    if dtype not in {None, tf.float32}:
        return NotImplemented
    return tf.identity(table[:], name)


# For models of one's own, which may read their table in any way.
tf.register_tensor_conversion_function(CompactTable, _read_whole)


def check_storage(storage: str) -> None:
    """Raises a `ValueError` unless there is such a storage.

    Args:
        storage: what was asked for.
    """
    if storage not in STORAGES:
        raise ValueError(
            f"`storage` must be one of {', '.join(STORAGES)}. Received:"
            f" storage={storage!r}"
        )


def compact_tables(
    model: SequentialRecommender, storage: Storage
) -> dict[tf.keras.layers.Layer, CompactTable]:
    """Returns each item table of a model as it is to be kept, by its layer.

    Args:
        model: a trained model.
        storage: "float32" copies nothing, "float16" or "int8".

    Raises:
        ValueError: if `storage` is unknown, or the model has no
            `ItemEmbedding` to store in less than float32.
    """
    check_storage(storage)
    layers = [
        layer for layer in model.submodules if isinstance(layer, ItemEmbedding)
    ]
    if not layers and storage != "float32":
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
