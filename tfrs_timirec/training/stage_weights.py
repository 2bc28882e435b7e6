"""Best weights of each stage, kept on disk."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

ShardedVariable: Any = tf.__internal__.distribute.ShardedVariable
Weight: TypeAlias = tf.Variable | Any  # A variable or a `ShardedVariable`.

# A variable of more bytes is copied piece by piece.
BLOCK_BYTES = 64 << 20


class StageWeights(Mapping[str, list[np.ndarray]]):
    """Weights by stage, as files that are read when they are looked at.

    A copy of ten million items' vectors would take as much memory again as the
    table. So the weights go to disk, block by block, and `stages[name]` is a
    list of arrays mapped from there, in the order of `model.weights`.

    Args:
        directory: where the files are; by default a temporary folder, which
            goes away with this object.

    Example:
    >>> stages = StageWeights()
    >>> stages.keep("pretraining", model.weights)
    >>> stages.restore("pretraining", model.weights)
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None):
        self._temporary = (
            tempfile.TemporaryDirectory(prefix="timirec-stages-")
            if directory is None
            else None
        )
        self.directory = pathlib.Path(
            self._temporary.name if self._temporary else directory or ""
        )
        self.folders: dict[str, str] = {}

    def keep(self, stage: str, weights: Iterable[Weight | np.ndarray]) -> None:
        """Writes the weights of a stage; those before stay until `discard`.

        Args:
            stage: name of the stage.
            weights: in the order of `model.weights`; see `whole_weights`.
        """
        number = sum(1 for _ in self.directory.glob(f"{stage}-*"))
        while (folder := self.directory / f"{stage}-{number}").exists():
            number += 1
        folder.mkdir(parents=True)
        for index, weight in enumerate(weights):
            path = folder / f"{index:03d}.npy"
            dtype = _file_dtype(weight)
            if not _is_large(weight):
                values = tf.convert_to_tensor(weight).numpy()
                np.save(path, values.astype(dtype, copy=False))
                continue
            file = np.lib.format.open_memmap(
                path, "w+", dtype=dtype, shape=tuple(weight.shape)
            )
            for offset, part in _parts(weight):
                for first, stop in _blocks(part):
                    file[offset + first : offset + stop] = tf.gather(
                        part, tf.range(first, stop)
                    )
            file.flush()
        self.folders[stage] = folder.name

    def restore(self, stage: str, variables: Sequence[Weight]) -> None:
        """Puts the weights of a stage into variables.

        Args:
            stage: name of the stage.
            variables: as `keep` was given them.

        Raises:
            KeyError: if the stage has no weights.
        """
        for variable, values in zip(variables, self[stage], strict=True):
            assign(variable, values)

    def discard(self, *in_use: Mapping[str, str]) -> None:
        """Deletes all weights but those of some `folders`.

        Args:
            *in_use: what `folders` was or is.
        """
        names = {name for folders in in_use for name in folders.values()}
        for path in self.directory.glob("*-*"):
            if path.name not in names and _is_kept(path):
                shutil.rmtree(path)

    def __getitem__(self, stage: str) -> list[np.ndarray]:
        folder = self.directory / self.folders[stage]
        return [
            np.load(path, mmap_mode="r")
            for path in sorted(
                folder.glob("*.npy"), key=lambda path: int(path.stem)
            )
        ]

    def __iter__(self) -> Iterator[str]:
        return iter(self.folders)

    def __len__(self) -> int:
        return len(self.folders)


def assign(variable: Weight, values: np.ndarray | float) -> None:
    """Assigns values without a second copy of a large variable.

    Args:
        variable: any variable.
        values: of its shape, or one number for all.

    Example:
    >>> assign(optimizer.variables[0], 0)
    """
    if not _is_large(variable):
        variable.assign(np.broadcast_to(values, variable.shape))
        return
    is_number = np.ndim(values) == 0
    for offset, part in _parts(variable):
        for first, stop in _blocks(part):
            rows = tf.range(first, stop)
            block = (
                tf.fill((stop - first, *part.shape[1:]), values)
                if is_number
                else values[offset + first : offset + stop]  # type: ignore[index]
            )
            block = tf.cast(block, part.dtype)
            part.scatter_update(tf.IndexedSlices(block, rows))


def whole_weights(model: tf.keras.Model) -> list[Weight]:
    """Returns `model.weights`, with a table on several servers as one.

    So the weights of a model look alike, wherever it was trained.

    Args:
        model: any model.

    Example:
    >>> stages.keep("pretraining", whole_weights(model))
    """
    tables = {
        id(part): value
        for module in model.submodules
        for value in vars(module).values()
        if isinstance(value, ShardedVariable)
        for part in value.variables
    }
    weights = [tables.get(id(weight), weight) for weight in model.weights]
    return list({id(weight): weight for weight in weights}.values())


def _is_kept(path: pathlib.Path) -> bool:
    """Whether a path is a folder that `keep` made."""
    return (
        path.is_dir()
        and path.name.rpartition("-")[2].isdecimal()
        and all(file.suffix == ".npy" for file in path.iterdir())
    )


def _file_dtype(weight: Weight | np.ndarray) -> np.dtype:
    """Returns the type to store; NumPy's files know no bfloat16."""
    dtype = tf.as_dtype(weight.dtype)
    return np.dtype(
        np.float32 if dtype == tf.bfloat16 else dtype.as_numpy_dtype
    )


def _is_large(weight: Weight | np.ndarray) -> bool:
    """Whether something is copied in blocks, as one device's variable can."""
    if isinstance(weight, ShardedVariable):
        return True
    if not isinstance(weight, tf.Variable):
        return False
    if isinstance(weight, tf.distribute.DistributedValues):
        return False
    return _num_bytes(weight) > BLOCK_BYTES and len(weight.shape) > 1


def _parts(weight: Weight) -> Iterator[tuple[int, tf.Variable]]:
    """Yields the parts of a table with the number of their first row."""
    if not isinstance(weight, ShardedVariable):
        yield 0, weight
        return
    offset = 0
    for part in weight.variables:
        yield offset, part
        offset += part.shape[0]


def _blocks(weight: tf.Variable) -> Iterator[tuple[int, int]]:
    num_rows = weight.shape[0]
    step = max(1, num_rows * BLOCK_BYTES // _num_bytes(weight))
    for first in range(0, num_rows, step):
        yield first, min(first + step, num_rows)


def _num_bytes(weight: tf.Variable) -> int:
    return int(np.prod(weight.shape)) * weight.dtype.size
