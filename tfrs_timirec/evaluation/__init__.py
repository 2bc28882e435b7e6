"""Evaluation: ranks, recommendations, planted interests, and figures."""

from tfrs_timirec.evaluation.case_figure import draw_case_study
from tfrs_timirec.evaluation.case_study import (
    CaseStudy,
    item_titles,
    study_case,
)
from tfrs_timirec.evaluation.interest_agreement import (
    InterestAgreement,
    compare_interests,
    divergence_shares,
)
from tfrs_timirec.evaluation.planted_truth import (
    PlantedTruth,
    mean_divergence,
    weigh_interests,
)
from tfrs_timirec.evaluation.ranking import rank_held_out
from tfrs_timirec.evaluation.recommendations import recommend_held_out
from tfrs_timirec.evaluation.significance import paired_t_test
from tfrs_timirec.evaluation.summary import gains, summarize_ranks
from tfrs_timirec.evaluation.top_k import top_k_by_blocks
from tfrs_timirec.evaluation.training_curves import draw_training_curves

__all__ = [
    "CaseStudy",
    "InterestAgreement",
    "PlantedTruth",
    "compare_interests",
    "divergence_shares",
    "draw_case_study",
    "draw_training_curves",
    "gains",
    "item_titles",
    "mean_divergence",
    "paired_t_test",
    "rank_held_out",
    "recommend_held_out",
    "study_case",
    "summarize_ranks",
    "top_k_by_blocks",
    "weigh_interests",
]
