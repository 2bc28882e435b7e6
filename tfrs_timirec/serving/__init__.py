"""Serving: SavedModels that answer raw ids with raw ids."""

from tfrs_timirec.serving.export import export_recommender
from tfrs_timirec.serving.recommender_module import RecommenderModule
from tfrs_timirec.serving.top_k import top_k_by_blocks

__all__ = ["RecommenderModule", "export_recommender", "top_k_by_blocks"]
