"""Metrics as `tf.keras.metrics.Metric`."""

from tfrs_timirec.metrics.hit_rate import HitRate
from tfrs_timirec.metrics.interest_distance import InterestDistance
from tfrs_timirec.metrics.js_divergence import JensenShannonDivergence
from tfrs_timirec.metrics.ndcg import NDCG
from tfrs_timirec.metrics.ranks import target_ranks

__all__ = [
    "NDCG",
    "HitRate",
    "InterestDistance",
    "JensenShannonDivergence",
    "target_ranks",
]
