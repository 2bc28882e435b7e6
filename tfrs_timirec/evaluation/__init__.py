"""Evaluation: ranks of held-out targets and what follows from them."""

from tfrs_timirec.evaluation.ranking import rank_held_out
from tfrs_timirec.evaluation.summary import summarize_ranks

__all__ = ["rank_held_out", "summarize_ranks"]
