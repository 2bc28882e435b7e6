"""Experiments: settings, presets and the run that records its results."""

from tfrs_timirec.experiments.data_source import DataSource
from tfrs_timirec.experiments.model_builders import MODEL_NAMES
from tfrs_timirec.experiments.presets import preset
from tfrs_timirec.experiments.settings import TrainingSettings
from tfrs_timirec.experiments.training_run import PARTS, TrainingRun

__all__ = [
    "MODEL_NAMES",
    "PARTS",
    "DataSource",
    "TrainingRun",
    "TrainingSettings",
    "preset",
]
