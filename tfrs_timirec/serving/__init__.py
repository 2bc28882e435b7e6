"""Serving: SavedModels that answer raw ids with raw ids."""

from tfrs_timirec.serving.export import export_recommender
from tfrs_timirec.serving.recommender_module import RecommenderModule

__all__ = ["RecommenderModule", "export_recommender"]
