"""Recommenders as `tfrs.Model`."""

from tfrs_timirec.models.comirec import ComiRec
from tfrs_timirec.models.feature_specs import empty_features, feature_spec
from tfrs_timirec.models.mind import MIND
from tfrs_timirec.models.sequential_recommender import SequentialRecommender
from tfrs_timirec.models.timirec import TiMiRec, aggregate

__all__ = [
    "MIND",
    "ComiRec",
    "SequentialRecommender",
    "TiMiRec",
    "aggregate",
    "empty_features",
    "feature_spec",
]
