"""Losses as `tf.keras.losses.Loss`."""

from tfrs_timirec.losses.bpr import BPRLoss
from tfrs_timirec.losses.interest_distillation import InterestDistillationLoss
from tfrs_timirec.losses.sampled_softmax import SampledSoftmaxLoss

__all__ = ["BPRLoss", "InterestDistillationLoss", "SampledSoftmaxLoss"]
