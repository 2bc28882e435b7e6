"""Recommenders as `tfrs.Model`."""

from tfrs_timirec.models.comirec import ComiRec
from tfrs_timirec.models.sequential_recommender import SequentialRecommender
from tfrs_timirec.models.timirec import TiMiRec, aggregate

__all__ = ["ComiRec", "SequentialRecommender", "TiMiRec", "aggregate"]
