"""How TensorFlow uses the cores and the memory of a machine."""

from __future__ import annotations

import ctypes
import os

# `mallopt` of the GNU C library: its numbers of the two limits below.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MALLOC_VARIABLES = (
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "GLIBC_TUNABLES",
)


def tune_for_cpu() -> None:
    """Sets up TensorFlow for the many small operations of a training step.

    Operations run side by side rather than each on all cores: most are too
    small to be divided, and on two cores stage 1 runs 1.4 times faster so. And
    the process keeps the memory of tensors that it frees, up to 1 GiB: given
    back to the system, it would be had again page by page in the next step,
    which took half of the time of a validation.

    To be called before TensorFlow runs its first operation; `timirec` does so,
    a notebook or a script of your own has to. What the environment says has
    precedence: `TF_NUM_INTRAOP_THREADS` (half of the cores here) and
    `TF_NUM_INTEROP_THREADS` (all); for the memory, `MALLOC_TRIM_THRESHOLD_`,
    `MALLOC_MMAP_THRESHOLD_` or `GLIBC_TUNABLES`. Only the GNU C library has
    such limits; with another one memory stays as it is.

    Another number of threads sums products in another order: the same seed then
    gives numbers that differ in their last digits.

    Example:
    >>> import tfrs_timirec
    >>> tfrs_timirec.training.tune_for_cpu()
    """
    cores = len(os.sched_getaffinity(0))
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, cores // 2)))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", str(cores))
    if not any(name in os.environ for name in _MALLOC_VARIABLES):
        _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Tells the C library to reuse memory rather than to give it back."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    # Larger blocks are the system's in any case: no more can be asked for.
    mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
    mallopt(_M_TRIM_THRESHOLD, 2**30)
