"""Training: the staged callback, its companions and the optimizers."""

from tfrs_timirec.training.adam_l2 import AdamL2
from tfrs_timirec.training.backup import Backup
from tfrs_timirec.training.chief_validation import ChiefValidation
from tfrs_timirec.training.distribution import (
    STRATEGY_NAMES,
    fit_arguments,
    is_chief,
    join_cluster,
    wait_for_all,
)
from tfrs_timirec.training.divergence import DivergedError, DivergenceCheck
from tfrs_timirec.training.epoch_timer import EpochTimer
from tfrs_timirec.training.lazy_adam import LazyAdam
from tfrs_timirec.training.processor import tune_for_cpu
from tfrs_timirec.training.progress import TrainingProgress
from tfrs_timirec.training.rowwise_lazy_adam import RowwiseLazyAdam
from tfrs_timirec.training.stage_weights import StageWeights
from tfrs_timirec.training.staged_training import StagedTraining
from tfrs_timirec.training.stopping_rule import StoppingRule

__all__ = [
    "STRATEGY_NAMES",
    "AdamL2",
    "Backup",
    "ChiefValidation",
    "DivergedError",
    "DivergenceCheck",
    "EpochTimer",
    "LazyAdam",
    "RowwiseLazyAdam",
    "StageWeights",
    "StagedTraining",
    "StoppingRule",
    "TrainingProgress",
    "fit_arguments",
    "is_chief",
    "join_cluster",
    "tune_for_cpu",
    "wait_for_all",
]
