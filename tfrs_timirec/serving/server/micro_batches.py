"""Requests as one batch, and its answer taken apart again.

Requests go together that have the same version, signature and inputs, the same
types, and shapes that differ in the number of rows only, or in what padding
makes equal. The export's `assets.extra/batch_padding.json` names the signatures
whose rows do not depend on each other, for no shape tells that; requests to
others run alone. Where it names a value that changes no output, rows are padded
with it to the longest. What may be a scalar, as the length of a list, must have
the same values in all. Large requests run alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from tfrs_timirec.serving.server.signature import Signature

Arrays = Mapping[str, np.ndarray]

# Rows of up to 32 entries are padded to a common length, then of up to 64,
# 128, ...: no short request is blown up more than that by a long one.
_SHORT_ROW = 32
# A request with more elements runs alone: 128 of them would be a batch that
# the graph refuses, as it scores 2^20 pairs at most.
_MAX_MERGED_ELEMENTS = 2**13


@dataclasses.dataclass(frozen=True)
class BatchPlan:
    """How a request may be batched.

    Args:
        num_rows: rows of the request.
        key: requests with equal keys may become one batch; None for one that
            must run alone.
    """

    num_rows: int
    key: Hashable | None


def plan_batching(signature: Signature, inputs: Arrays) -> BatchPlan:
    """Says with which others a request may be batched.

    Args:
        signature: what is asked for.
        inputs: arrays by name.
    """
    rows = {len(array) for array in inputs.values() if array.ndim}
    num_rows = max(rows, default=1)
    num_elements = sum(array.size for array in inputs.values())
    if (
        signature.padding is None
        or len(rows) != 1
        or num_rows == 0
        or num_elements > _MAX_MERGED_ELEMENTS
    ):
        return BatchPlan(num_rows, None)
    parts: list[Hashable] = []
    for name, array in sorted(inputs.items()):
        if not array.ndim:
            parts.append((name, array.dtype.str, array.item()))
        elif signature.inputs[name].shape.rank is None:
            # One for all, or one a row: the longest list sets the width of all.
            parts.append((name, array.shape[1:], *np.unique(array).tolist()))
        elif array.ndim == 2 and name in signature.padding:
            length = max(_SHORT_ROW, array.shape[1])
            parts.append((name, (length - 1).bit_length()))
        else:
            parts.append((name, array.shape[1:]))
    return BatchPlan(num_rows, (signature.name, *parts))


def merge(signature: Signature, requests: Sequence[Arrays]) -> Arrays:
    """Returns the inputs of one batch.

    Args:
        signature: what is asked for.
        requests: inputs whose plans have equal keys.
    """
    padding = signature.padding or {}
    return {
        name: _concatenate(
            [request[name] for request in requests], padding.get(name)
        )
        if first.ndim
        else first
        for name, first in requests[0].items()
    }


def split(outputs: Arrays, sizes: Sequence[int]) -> list[Arrays]:
    """Returns each request's part of a batch's outputs.

    Args:
        outputs: of the batch.
        sizes: the requests' numbers of rows.

    Raises:
        ValueError: if an output has another number of rows than the batch.
    """
    num_rows = sum(sizes)
    for name, array in outputs.items():
        if not array.ndim or len(array) != num_rows:
            raise ValueError(
                f"Output {name!r} of a batch of {num_rows} rows has the shape"
                f" {array.shape}."
            )
    ends = np.cumsum(sizes)[:-1]
    pieces = {name: np.split(array, ends) for name, array in outputs.items()}
    return [
        {name: arrays[i] for name, arrays in pieces.items()}
        for i in range(len(sizes))
    ]


def _concatenate(arrays: Sequence[np.ndarray], padding: object) -> np.ndarray:
    if len({array.shape[1:] for array in arrays}) == 1:
        return np.concatenate(arrays)
    if isinstance(padding, str):
        padding = padding.encode()
    num_rows = sum(len(array) for array in arrays)
    length = max(array.shape[1] for array in arrays)
    merged = np.full((num_rows, length), padding, arrays[0].dtype)
    row = 0
    for array in arrays:
        merged[row : row + len(array), : array.shape[1]] = array
        row += len(array)
    return merged
