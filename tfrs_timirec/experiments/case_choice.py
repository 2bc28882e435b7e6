"""The test case that shows best what TiMiRec is after (Section 4.6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrs_timirec.data.batches import evaluation_dataset
from tfrs_timirec.evaluation.case_study import (
    CaseStudy,
    item_genres,
    item_titles,
)
from tfrs_timirec.evaluation.interest_agreement import interest_distributions
from tfrs_timirec.evaluation.ranking import rank_held_out
from tfrs_timirec.evaluation.recommendations import recommend_held_out
from tfrs_timirec.experiments.training_run import TrainingRun

_LIST_LENGTH = 5
_SHORTEST_HISTORY = 5  # A shorter one tells no story.


def study_telling_case(run: TrainingRun) -> CaseStudy:
    """Returns the case that TiMiRec moves up most, seen through its interests.

    It is picked, not drawn: among the users whose next item TiMiRec has in its
    list, whose predicted interest is the next item's, and whose first item by
    greedy scoring is of another interest, the one where the rank improves by
    the largest factor. Where there is none, conditions are dropped, the last
    one first. An item is of the interest whose vector is most similar to its
    own (Eq. 5); no truth is needed, so this works on any data.

    Args:
        run: a finished run of a TiMiRec.

    Raises:
        FileNotFoundError: if the run has not finished.

    Example:
    >>> draw_case_study(study_telling_case(run)).savefig("case.png")
    """
    length = run.settings.max_history_length
    pretraining, finetuning = run.model.stages
    ranks, best_ids = [], []
    for stage in (pretraining, finetuning):
        model = run.load_weights(stage)
        ranks.append(rank_held_out(model, run.split, max_history_length=length))
        best_ids.append(
            recommend_held_out(
                model, run.split, k=_LIST_LENGTH, max_history_length=length
            )
        )
    interests, logits = _all_parts(run)
    positions = run.split.held_out_positions("test")
    targets = run.interactions.item_ids[positions]

    def interest_of(ids: np.ndarray) -> np.ndarray:
        return _cosine_shares(run, interests, ids).argmax(axis=1)

    users = run.interactions.user_indices[positions]
    lengths = positions - run.interactions.row_splits[users]
    target_interest = interest_of(targets)
    case = most_telling_case(
        gains=ranks[0] / ranks[1],
        conditions=(
            lengths >= _SHORTEST_HISTORY,
            (best_ids[1] == targets[:, np.newaxis]).any(axis=1),
            logits.argmax(axis=1) == target_interest,
            interest_of(best_ids[0][:, 0]) != target_interest,
        ),
    )
    return _describe(
        run,
        case,
        interests[case],
        tf.nn.softmax(logits[case] / run.model.temperature).numpy(),
        (best_ids[0][case], best_ids[1][case]),
    )


def most_telling_case(
    gains: np.ndarray, conditions: Sequence[np.ndarray]
) -> int:
    """Returns the case with the largest gain of those that meet conditions.

    Args:
        gains: (num_cases,) by what factor the rank improves.
        conditions: (num_cases,) booleans each; where no case meets all, the
            last ones are dropped.
    """
    return int(np.lexsort((gains, *reversed(conditions)))[-1])


def _all_parts(run: TrainingRun) -> tuple[np.ndarray, np.ndarray]:
    """Interests (num_cases, K, dim) and logits (num_cases, K) of the test."""
    batches = evaluation_dataset(
        run.split,
        "test",
        max_history_length=run.settings.max_history_length,
        candidates="full",
        features=run.model.feature_names,
    )
    parts = [run.model(features, return_parts=True) for features in batches]
    interests = tf.concat([interests for interests, _ in parts], axis=0)
    logits = tf.concat([logits for _, logits in parts], axis=0)
    return interests.numpy(), logits.numpy()


def _cosine_shares(
    run: TrainingRun, interests: np.ndarray, item_ids: np.ndarray
) -> np.ndarray:
    return interest_distributions(
        run.model, interests, item_ids, run.model.temperature
    )


def _describe(
    run: TrainingRun,
    case: int,
    interests: np.ndarray,
    predicted: np.ndarray,
    best_ids: tuple[np.ndarray, np.ndarray],
) -> CaseStudy:
    log, length = run.interactions, run.settings.max_history_length
    position = run.split.held_out_positions("test")[case]
    start = max(log.row_splits[log.user_indices[position]], position - length)
    history = log.item_ids[start:position]
    padded = np.pad(history, (length - len(history), 0))[np.newaxis]
    _, attention = run.model.extractor(padded, return_attention=True)
    target = log.item_ids[position : position + 1]

    def shares(ids: np.ndarray) -> np.ndarray:
        return _cosine_shares(run, np.stack([interests] * len(ids)), ids)

    def titles(ids: np.ndarray) -> tuple[str, ...]:
        return tuple(item_titles(log, ids))

    def kinds(ids: np.ndarray) -> tuple[int, ...]:
        return tuple(int(k) for k in shares(ids).argmax(axis=1))

    # Fewer where hardly an unseen item is left.
    greedy, timirec = (ids[ids > 0] for ids in best_ids)
    num_interests = len(interests)
    return CaseStudy(
        user=str(log.users[log.user_indices[position]]),
        interest_names=tuple(f"interest {k + 1}" for k in range(num_interests)),
        history=titles(history),
        history_genres=tuple(item_genres(log, history)),
        history_interests=kinds(history),
        attention=attention.numpy()[0, :, -len(history) :],
        learned_interests=np.eye(num_interests),
        predicted=predicted,
        truth=shares(target)[0],
        target=titles(target)[0],
        target_interest=kinds(target)[0],
        greedy=titles(greedy),
        greedy_interests=kinds(greedy),
        timirec=titles(timirec),
        timirec_interests=kinds(timirec),
        truth_name=f"of the next item (Eq. 7, T = {run.model.temperature:g})",
    )
