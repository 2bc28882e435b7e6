"""Serving: SavedModels that answer raw ids with raw ids."""

from tfrs_timirec.serving.exporting import export
from tfrs_timirec.serving.recommender_module import RecommenderModule
from tfrs_timirec.serving.top_k import top_k_by_blocks

__all__ = ["RecommenderModule", "export", "top_k_by_blocks"]
