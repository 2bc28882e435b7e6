"""Serving: SavedModels that answer raw ids with raw ids."""

from tfrs_timirec.serving.batch_inference import BatchSettings, recommend_all
from tfrs_timirec.serving.compact_table import STORAGES, CompactTable
from tfrs_timirec.serving.diversity import choose_diverse
from tfrs_timirec.serving.exported_model import ExportedModel
from tfrs_timirec.serving.exporting import export
from tfrs_timirec.serving.publishing import find_version
from tfrs_timirec.serving.recommender_module import RecommenderModule
from tfrs_timirec.serving.shipped_model import find_shipped_model
from tfrs_timirec.serving.storage_loss import measure_storage_loss

__all__ = [
    "STORAGES",
    "BatchSettings",
    "CompactTable",
    "ExportedModel",
    "RecommenderModule",
    "choose_diverse",
    "export",
    "find_shipped_model",
    "find_version",
    "measure_storage_loss",
    "recommend_all",
]
