"""From a raw log to batches."""

from tfrs_timirec.data.batches import evaluation_dataset, training_dataset
from tfrs_timirec.data.cleaning import CleaningOptions, CleaningReport
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.loading import load_dataset
from tfrs_timirec.data.splits import LeaveOneOut

__all__ = [
    "CleaningOptions",
    "CleaningReport",
    "Interactions",
    "LeaveOneOut",
    "evaluation_dataset",
    "load_dataset",
    "training_dataset",
]
