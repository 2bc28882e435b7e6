"""Greedy ComiRec, TiMiRec and the planted truth on the same test cases."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfrs_timirec.data.splits import HeldOut
from tfrs_timirec.evaluation.planted_truth import PlantedTruth, mean_divergence
from tfrs_timirec.evaluation.ranking import rank_held_out
from tfrs_timirec.evaluation.recommendations import recommend_held_out
from tfrs_timirec.evaluation.summary import summarize_ranks
from tfrs_timirec.experiments.training_run import TrainingRun

_LIST_LENGTH = 10


@dataclasses.dataclass(frozen=True, eq=False)
class ScoredLists:
    """What one way of scoring does with every case.

    Args:
        ranks: (num_cases,) ranks of the targets among sampled negatives.
        best_ids: (num_cases, 10) best vocabulary ids of the whole catalogue.
        target_places: (num_cases,) place of the target in `best_ids`, from 0;
            10 if it is not there.
        list_divergence: mean Jensen-Shannon divergence, in nats, between the
            truth and the shares of the planted interests among `best_ids`.
    """

    ranks: np.ndarray
    best_ids: np.ndarray
    target_places: np.ndarray
    list_divergence: float

    @property
    def metrics(self) -> dict[str, float]:
        """Hit rate and NDCG by cutoff."""
        return summarize_ranks(self.ranks)


@dataclasses.dataclass(frozen=True, eq=False)
class TruthComparison:
    """How close greedy scoring and TiMiRec come to the planted truth.

    Args:
        greedy: the pretrained interests, scored by the best matching one.
        timirec: the finetuned interests, aggregated by the predicted one.
        truth_ranks: (num_cases,) ranks with the finetuned interests aggregated
            by the true distribution.
        predicted: (num_cases, M) predicted distributions.
        true: (num_cases, M) true distributions.
        divergences: mean Jensen-Shannon divergence from the truth, in nats, of
            "predicted" distributions, of the household's "history" average,
            and of "uniform".
    """

    greedy: ScoredLists
    timirec: ScoredLists
    truth_ranks: np.ndarray
    predicted: np.ndarray
    true: np.ndarray
    divergences: dict[str, float]


def compare_with_truth(
    run: TrainingRun, truth: PlantedTruth, part: HeldOut = "test"
) -> TruthComparison:
    """Scores the held-out cases of a trained TiMiRec in three ways.

    Args:
        run: a finished run of a TiMiRec on simulated data.
        truth: the planted interests of its data.
        part: "validation" or "test".

    Raises:
        FileNotFoundError: if the run has not finished.

    Example:
    >>> comparison = compare_with_truth(run, truth)
    >>> comparison.timirec.metrics["hit_rate_at_10"]
    """
    pretraining, finetuning = run.model.stages
    run.load_weights(pretraining)
    greedy = _score(run, truth, part)
    model = run.load_weights(finetuning)
    timirec = _score(run, truth, part)
    true = truth.of_held_out(run.split, part)
    predicted = truth.of_predictions(model, run.split, part)
    others = {
        "predicted": predicted,
        "history": truth.of_histories(run.split, part),
        "uniform": np.full_like(true, 1 / truth.num_interests),
    }
    return TruthComparison(
        greedy=greedy,
        timirec=timirec,
        truth_ranks=truth.rank_with_truth(model, run.split, part),
        predicted=predicted,
        true=true,
        divergences={
            name: mean_divergence(true, distributions)
            for name, distributions in others.items()
        },
    )


def _score(run: TrainingRun, truth: PlantedTruth, part: HeldOut) -> ScoredLists:
    length = run.settings.max_history_length
    best_ids = recommend_held_out(
        run.model,
        run.split,
        part,
        k=_LIST_LENGTH,
        max_history_length=length,
    )
    targets = run.interactions.item_ids[run.split.held_out_positions(part)]
    is_target = best_ids == targets[:, np.newaxis]
    return ScoredLists(
        ranks=rank_held_out(
            run.model, run.split, part, max_history_length=length
        ),
        best_ids=best_ids,
        target_places=np.where(
            is_target.any(1), is_target.argmax(1), _LIST_LENGTH
        ),
        list_divergence=mean_divergence(
            truth.of_held_out(run.split, part), truth.of_items(best_ids)
        ),
    )
