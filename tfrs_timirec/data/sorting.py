"""A stable order of many integers in linear time."""

import numpy as np

_DIGIT_BITS = 16  # NumPy sorts 16-bit integers by their digits, not by merging.


def stable_argsort(values: np.ndarray) -> np.ndarray:
    """Orders values like `np.argsort(values, kind="stable")`, but faster.

    Integers and datetimes are sorted 16 bits at a time, from the lowest: each
    pass is linear, and as many are made as the range of the values needs.
    Other values, as floats, are left to NumPy.

    Args:
        values: (num_values,) integers, datetime64, or other numbers.

    Returns:
        (num_values,) int64 positions, so that `values[order]` ascends and
        equal values keep their order.

    Example:
        >>> stable_argsort(np.array([300, -5, 300, 7]))
        array([1, 3, 0, 2])
    """
    if values.dtype.kind == "M":
        values = values.view(np.int64)
    if values.dtype.kind not in "iu" or not len(values):
        return np.argsort(values, kind="stable")
    lowest = values.min()
    span = int(values.max()) - int(lowest)
    # Modulo 2**64 a difference is right even where it overflows int64.
    offsets = values.astype(np.uint64) - lowest.astype(np.uint64)
    if span < 1 << 32:
        offsets = offsets.astype(np.uint32)
    order = np.argsort(offsets.astype(np.uint16), kind="stable")
    for shift in range(_DIGIT_BITS, span.bit_length(), _DIGIT_BITS):
        digits = (offsets >> offsets.dtype.type(shift)).astype(np.uint16)
        order = order[np.argsort(digits[order], kind="stable")]
    return order
