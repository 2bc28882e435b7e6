"""One test case, seen through greedy scoring and through TiMiRec."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_timirec.data.context_features import ContextFeatures
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.data.splits import HeldOut, LeaveOneOut
from tfrs_timirec.evaluation.planted_truth import PlantedTruth
from tfrs_timirec.models import TiMiRec


@dataclasses.dataclass(frozen=True, eq=False)
class CaseStudy:
    """What Figure 4 of the paper shows of one user.

    Args:
        user: raw user id.
        interest_names: names of the M planted interests.
        history: titles of the items that the model read, oldest first.
        history_genres: genres of each of them, as one text.
        history_interests: planted interest of each of them.
        attention: (K, length) attention of each learned interest to them.
        learned_interests: (K, M), what each learned interest looks at.
        predicted: (M,) predicted distribution over planted interests.
        truth: (M,) true distribution, from which the target was drawn.
        target: title of the target.
        target_interest: planted interest of the target.
        greedy: titles of the best items by greedy scoring, best first.
        greedy_interests: planted interest of each of them.
        timirec: titles of TiMiRec's best items, best first.
        timirec_interests: planted interest of each of them.
        truth_name: what `truth` is.
    """

    user: str
    interest_names: tuple[str, ...]
    history: tuple[str, ...]
    history_genres: tuple[str, ...]
    history_interests: tuple[int, ...]
    attention: np.ndarray
    learned_interests: np.ndarray
    predicted: np.ndarray
    truth: np.ndarray
    target: str
    target_interest: int
    greedy: tuple[str, ...]
    greedy_interests: tuple[int, ...]
    timirec: tuple[str, ...]
    timirec_interests: tuple[int, ...]
    truth_name: str = "true, as simulated"

    def to_json(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> CaseStudy:
        """Returns the case that `to_json` described.

        Args:
            content: what `to_json` returned.
        """
        arrays = ("attention", "learned_interests", "predicted", "truth")
        values: dict[str, Any] = {}
        for name, value in content.items():
            if name in arrays:
                values[name] = np.array(value)
            else:
                values[name] = (
                    tuple(value) if isinstance(value, list) else value
                )
        return cls(**values)


def study_case(
    model: TiMiRec,
    split: LeaveOneOut,
    part: HeldOut,
    truth: PlantedTruth,
    interest_names: tuple[str, ...],
    *,
    case: int,
    greedy_ids: np.ndarray,
    timirec_ids: np.ndarray,
) -> CaseStudy:
    """Looks at one case.

    Args:
        model: a finetuned model.
        split: the split.
        part: "validation" or "test".
        truth: the planted interests.
        interest_names: their names.
        case: number of the case, in the order of `held_out_positions`.
        greedy_ids: vocabulary ids of the best items by greedy scoring.
        timirec_ids: vocabulary ids of TiMiRec's best items.
    """
    log = split.interactions
    position = split.held_out_positions(part)[case]
    start = log.row_splits[log.user_indices[position]]
    length = model.extractor.max_history_length
    item_ids = log.item_ids[max(start, position - length) : position]
    batch = tf.constant(item_ids[np.newaxis])
    padded = tf.pad(batch, [[0, 0], [length - len(item_ids), 0]])
    _, attention = model.extractor(padded, return_attention=True)
    mapping = truth.map_interests(model, padded)
    places = np.maximum(position + np.arange(-length, 0), 0)
    context = ContextFeatures(log, model.feature_names)(
        tf.constant([position]), tf.constant(places[np.newaxis]), padded
    )
    logits = model.interest_logits({"item_ids": padded, **context})
    weights = tf.nn.softmax(tf.cast(logits, tf.float32))
    target = log.item_ids[position]

    def titles(ids: np.ndarray) -> tuple[str, ...]:
        return tuple(item_titles(log, ids))

    def interests(ids: np.ndarray) -> tuple[int, ...]:
        return tuple(int(m) for m in truth.item_interests[ids])

    return CaseStudy(
        user=str(log.users[log.user_indices[position]]),
        interest_names=interest_names,
        history=titles(item_ids),
        history_genres=tuple(item_genres(log, item_ids)),
        history_interests=interests(item_ids),
        attention=attention.numpy()[0, :, -len(item_ids) :],
        learned_interests=mapping.numpy()[0],
        predicted=tf.einsum("bk,bkm->bm", weights, mapping).numpy()[0],
        truth=truth.distributions[position],
        target=titles(np.array([target]))[0],
        target_interest=int(truth.item_interests[target]),
        greedy=titles(greedy_ids),
        greedy_interests=interests(greedy_ids),
        timirec=titles(timirec_ids),
        timirec_interests=interests(timirec_ids),
    )


def item_titles(interactions: Interactions, item_ids: np.ndarray) -> list[str]:
    """Returns the titles of items, or their raw ids where there are none.

    Args:
        interactions: the log, whose metadata may have a column `title`.
        item_ids: (length,) vocabulary ids of real items.
    """
    rows = np.asarray(item_ids) - NUM_RESERVED_IDS
    raw_ids = [str(item) for item in interactions.items[rows]]
    metadata = interactions.item_metadata
    if metadata is None or "title" not in metadata:
        return raw_ids
    titles = metadata["title"].iloc[rows]
    return [
        title if isinstance(title, str) and title else raw_id
        for title, raw_id in zip(titles, raw_ids, strict=True)
    ]


def item_genres(interactions: Interactions, item_ids: np.ndarray) -> list[str]:
    """Returns the genres of items, each as one text; empty without genres.

    Args:
        interactions: the log, whose metadata may have a column `genres`.
        item_ids: (length,) vocabulary ids of real items.
    """
    metadata = interactions.item_metadata
    if metadata is None or "genres" not in metadata:
        return [""] * len(item_ids)
    genres = metadata["genres"].iloc[item_ids - NUM_RESERVED_IDS]
    return [
        ", ".join(names) if pd.api.types.is_list_like(names) else ""
        for names in genres
    ]
