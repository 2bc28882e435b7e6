"""From a raw log to batches."""

from tfrs_timirec.data.batches import evaluation_dataset, training_dataset
from tfrs_timirec.data.cleaning import CleaningOptions, CleaningReport
from tfrs_timirec.data.context_features import (
    ContextFeatures,
    attribute_sizes,
    read_attribute,
)
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.loading import load_dataset
from tfrs_timirec.data.metadata import Attribute
from tfrs_timirec.data.splits import LeaveOneOut

__all__ = [
    "Attribute",
    "CleaningOptions",
    "CleaningReport",
    "ContextFeatures",
    "Interactions",
    "LeaveOneOut",
    "attribute_sizes",
    "evaluation_dataset",
    "load_dataset",
    "read_attribute",
    "training_dataset",
]
