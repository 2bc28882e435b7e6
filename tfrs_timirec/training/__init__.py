"""Training: the staged callback, its companions and the optimizers."""

from tfrs_timirec.training.adam_l2 import AdamL2
from tfrs_timirec.training.backup import Backup
from tfrs_timirec.training.epoch_timer import EpochTimer
from tfrs_timirec.training.lazy_adam import LazyAdam
from tfrs_timirec.training.progress import TrainingProgress
from tfrs_timirec.training.rowwise_lazy_adam import RowwiseLazyAdam
from tfrs_timirec.training.stage_weights import StageWeights
from tfrs_timirec.training.staged_training import StagedTraining
from tfrs_timirec.training.stopping_rule import StoppingRule

__all__ = [
    "AdamL2",
    "Backup",
    "EpochTimer",
    "LazyAdam",
    "RowwiseLazyAdam",
    "StageWeights",
    "StagedTraining",
    "StoppingRule",
    "TrainingProgress",
]
