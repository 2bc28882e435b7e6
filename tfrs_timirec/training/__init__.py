"""Training: the staged callback and the optimizer."""

from tfrs_timirec.training.adam_l2 import AdamL2

__all__ = ["AdamL2"]
