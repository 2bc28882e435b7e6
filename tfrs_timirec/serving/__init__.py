"""Serving: SavedModels that answer raw ids with raw ids."""

from tfrs_timirec.serving.batch_inference import BatchSettings, recommend_all
from tfrs_timirec.serving.exporting import export
from tfrs_timirec.serving.recommender_module import RecommenderModule
from tfrs_timirec.serving.top_k import top_k_by_blocks

__all__ = [
    "BatchSettings",
    "RecommenderModule",
    "export",
    "recommend_all",
    "top_k_by_blocks",
]
