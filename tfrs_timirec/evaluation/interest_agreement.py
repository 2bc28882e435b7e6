"""How interests fit what was predicted, recommended and really next."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.special
import tensorflow as tf

from tfrs_timirec.data.batches import evaluation_dataset
from tfrs_timirec.data.splits import HeldOut, LeaveOneOut
from tfrs_timirec.evaluation.recommendations import recommend_held_out
from tfrs_timirec.metrics import InterestDistance
from tfrs_timirec.models import ComiRec, TiMiRec
from tfrs_timirec.models.feature_specs import length_to_read
from tfrs_timirec.models.scoring import cosines

DIVERGENCE_EDGES = (0.0, 0.01, 0.02, 0.05)
"""Upper edges of the ranges of Figure 2; what is above the last is one more."""

_ZERO = 1e-9  # Nats; float32 does not tell smaller divergences from 0.


@dataclasses.dataclass(frozen=True, eq=False)
class InterestAgreement:
    """What the interests of a model say about held-out cases.

    An item's interest distribution is the softmax of its cosine similarities
    with a user's interests over the temperature (Eq. 5 and 7). Divergences are
    Jensen-Shannon's, in nats.

    Args:
        temperature: temperature (T) of the distributions.
        recommended: (num_cases,) divergences between target and best item of
            the whole catalogue (Figure 2).
        predicted: (num_cases,) divergences between target and prediction
            (Section 4.2); None for a model without a predictor.
        interest_distance: mean L2 distance between a user's interests
            (Section 4.4).
    """

    temperature: float
    recommended: np.ndarray
    predicted: np.ndarray | None
    interest_distance: float

    def summary(self) -> dict[str, float | list[float] | None]:
        """Returns the means, and the shares of Figure 2, as JSON takes it."""
        return {
            "temperature": self.temperature,
            "js_predicted": (
                None if self.predicted is None else float(self.predicted.mean())
            ),
            "js_recommended": float(self.recommended.mean()),
            "js_recommended_shares": divergence_shares(self.recommended),
            "interest_distance": self.interest_distance,
        }


def compare_interests(
    model: ComiRec,
    split: LeaveOneOut,
    part: HeldOut = "test",
    *,
    temperature: float = 1.0,
    max_history_length: int | None = None,
    batch_size: int = 512,
) -> InterestAgreement:
    """Compares the interests of all cases of a part.

    Args:
        model: a model of interests, in its last stage.
        split: the split.
        part: "validation" or "test".
        temperature: T of the distributions. The paper does not say which its
            figures have; at 1 they spread over the ranges of Figure 2, at the
            0.1 of the distillation nearly all lie above the last edge.
        max_history_length: the newest items of a history that the model reads;
            by default as many as it can, 20 if it can any number.
        batch_size: cases computed at once.

    Example:
    >>> compare_interests(model, split).predicted.mean()
    """
    max_history_length = length_to_read(
        "compare_interests", model, max_history_length
    )
    best_ids = recommend_held_out(
        model, split, part, k=1, max_history_length=max_history_length
    )[:, 0]
    batches = evaluation_dataset(
        split,
        part,
        batch_size=batch_size,
        max_history_length=max_history_length,
        candidates="full",
        features=model.feature_names,
    )
    recommended, predicted = [], []
    distance = InterestDistance()
    for number, features in enumerate(batches):
        best = best_ids[number * batch_size : (number + 1) * batch_size]
        if isinstance(model, TiMiRec):
            interests, logits = model(features, return_parts=True)
            logits = tf.cast(logits, tf.float32)
            prediction = tf.nn.softmax(logits / temperature).numpy()
        else:
            interests, prediction = model(features, training=False), None
        target = interest_distributions(
            model, interests, features["target_id"], temperature
        )
        top = interest_distributions(model, interests, best, temperature)
        recommended.append(_divergences(target, top))
        if prediction is not None:
            predicted.append(_divergences(target, prediction))
        distance.update_state(interests)
    return InterestAgreement(
        temperature=temperature,
        recommended=np.concatenate(recommended),
        predicted=np.concatenate(predicted) if predicted else None,
        interest_distance=float(distance.result()),
    )


def interest_distributions(
    model: ComiRec,
    interests: tf.Tensor,
    item_ids: np.ndarray | tf.Tensor,
    temperature: float,
) -> np.ndarray:
    """Returns (batch, num_interests), how items relate to interests (Eq. 7).

    Args:
        model: the model.
        interests: (batch, num_interests, dim), one user a row.
        item_ids: (batch,) vocabulary ids, one item a user.
        temperature: temperature (T).
    """
    items = tf.gather(model.item_embeddings, item_ids)
    return tf.nn.softmax(cosines(interests, items) / temperature).numpy()


def divergence_shares(divergences: np.ndarray) -> list[float]:
    """Returns the shares of cases in the ranges of `DIVERGENCE_EDGES`.

    Args:
        divergences: (num_cases,) divergences in nats.

    Returns:
        One share for 0, one for each range up to the next edge, and one for
        what is above the last; the sum is 1.

    Example:
    >>> divergence_shares(np.array([0.0, 0.01, 0.011, 0.6]))
    [0.25, 0.25, 0.25, 0.0, 0.25]
    """
    values = np.where(divergences < _ZERO, 0.0, divergences)
    places = np.searchsorted(DIVERGENCE_EDGES, values, side="left")
    counts = np.bincount(places, minlength=len(DIVERGENCE_EDGES) + 1)
    return [float(count) / len(values) for count in counts]


def _divergences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of each row, (batch,)."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    middle = (first + second) / 2
    both = scipy.special.rel_entr(first, middle) + scipy.special.rel_entr(
        second, middle
    )
    return np.maximum(both.sum(axis=1) / 2, 0)
