"""Losses as `tf.keras.losses.Loss`."""

from tfrs_timirec.losses.bpr import BPRLoss
from tfrs_timirec.losses.interest_distillation import InterestDistillationLoss

__all__ = ["BPRLoss", "InterestDistillationLoss"]
