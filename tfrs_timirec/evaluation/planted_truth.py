"""How close a model comes to the interests that a simulator planted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfrs_timirec.data.batches import evaluation_dataset
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.data.splits import HeldOut, LeaveOneOut
from tfrs_timirec.metrics import JensenShannonDivergence
from tfrs_timirec.models import TiMiRec


@dataclasses.dataclass(frozen=True, eq=False)
class PlantedTruth:
    """The interests that a simulator planted, M of them.

    A model numbers its K interests as it likes, and need not have M. So each
    history gets a mapping of its own: C[k, m] is the share of interest k's
    attention that lies on items of planted interest m. It has no parameter,
    and rows sum to 1.

    - A predicted distribution q over K means sum_k q[k] C[k, m] over M.
    - The true distribution t over M means sum_m t[m] C[k, m] / sum_j C[j, m]
      over K. What no interest looks at is shared out evenly.

    Args:
        item_interests: (vocabulary_size,) planted interest of each vocabulary
            id, -1 for padding and the unknown item.
        distributions: (num_interactions, M) true probability that each planted
            interest chooses the interaction's item, given all before it.

    Example:
    >>> truth = PlantedTruth.from_interactions(load_dataset("household_tv"))
    >>> truth.distributions.shape
    (60000, 2)

    Reference: Section 4.6 and Figure 4 look at one such history.
    """

    item_interests: np.ndarray
    distributions: np.ndarray

    @classmethod
    def from_interactions(cls, interactions: Interactions) -> PlantedTruth:
        """Reads the truth from simulated data, such as `household_tv`.

        Args:
            interactions: with a column `interest_distributions`, and item
                metadata with a column `interest`.

        Raises:
            ValueError: if the data hold no planted truth.
        """
        metadata = interactions.item_metadata
        if (
            "interest_distributions" not in interactions.columns
            or metadata is None
            or "interest" not in metadata
        ):
            raise ValueError(
                "`interactions` must hold planted interests: a column"
                " interest_distributions, and item metadata with a column"
                f" interest. Received: interactions={interactions.name!r},"
                " which has none. Use household_tv."
            )
        reserved = np.full(NUM_RESERVED_IDS, -1, np.int32)
        return cls(
            item_interests=np.concatenate(
                [reserved, metadata["interest"].to_numpy(np.int32)]
            ),
            distributions=interactions.columns["interest_distributions"],
        )

    @property
    def num_interests(self) -> int:
        """Number of planted interests (M)."""
        return self.distributions.shape[1]

    def of_held_out(self, split: LeaveOneOut, part: HeldOut) -> np.ndarray:
        """Returns (num_cases, M) true distributions of a part's targets.

        Args:
            split: the split.
            part: "validation" or "test".
        """
        return self.distributions[split.held_out_positions(part)]

    def of_items(self, item_ids: np.ndarray) -> np.ndarray:
        """Returns (num_lists, M) shares of the interests in lists of items.

        Args:
            item_ids: (num_lists, length) vocabulary ids. Padding and the
                unknown item do not count; a list of nothing else is uniform.
        """
        interests = self.item_interests[item_ids]
        counts = np.stack(
            [(interests == m).sum(axis=1) for m in range(self.num_interests)],
            axis=1,
        ).astype(np.float32)
        counts[counts.sum(axis=1) == 0] = 1
        return counts / counts.sum(axis=1, keepdims=True)

    def of_histories(self, split: LeaveOneOut, part: HeldOut) -> np.ndarray:
        """Returns (num_cases, M) shares of the interests in whole histories.

        Args:
            split: the split.
            part: "validation" or "test".
        """
        log = split.interactions
        interests = self.item_interests[log.item_ids]
        planted = interests[:, np.newaxis] == np.arange(self.num_interests)
        sums = np.concatenate(
            [np.zeros((1, self.num_interests)), np.cumsum(planted, axis=0)]
        )
        ends = split.held_out_positions(part)
        counts = sums[ends] - sums[log.row_splits[log.user_indices[ends]]]
        shares = counts / counts.sum(axis=1, keepdims=True)
        return shares.astype(np.float32)

    def map_interests(self, model: TiMiRec, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns (batch, K, M), what each learned interest looks at (C).

        Args:
            model: a model whose extractor can return its attention.
            item_ids: (batch, length) histories.
        """
        _, attention = model.extractor(item_ids, return_attention=True)
        planted = tf.one_hot(
            tf.gather(self.item_interests, item_ids), self.num_interests
        )  # (batch, length, M)
        attention = tf.cast(attention, tf.float32)
        return tf.einsum("bkl,blm->bkm", attention, planted)

    def of_predictions(
        self, model: TiMiRec, split: LeaveOneOut, part: HeldOut
    ) -> np.ndarray:
        """Returns (num_cases, M), what the interest predictor expects.

        It is the softmax of the predictor's logits, with which the model
        aggregates its interests (Eq. 4), mapped to planted interests.

        Args:
            model: a finetuned model.
            split: the split.
            part: "validation" or "test".
        """
        predictions = []
        batches = evaluation_dataset(
            split,
            part,
            max_history_length=model.extractor.max_history_length,
            candidates="full",
            features=model.feature_names,
        )
        for features in batches:
            logits = tf.cast(model.interest_logits(features), tf.float32)
            weights = tf.nn.softmax(logits)
            mapping = self.map_interests(model, features["item_ids"])
            predictions.append(tf.einsum("bk,bkm->bm", weights, mapping))
        return tf.concat(predictions, axis=0).numpy()

    def rank_with_truth(
        self, model: TiMiRec, split: LeaveOneOut, part: HeldOut
    ) -> np.ndarray:
        """Ranks the targets as if the predictor knew the true distribution.

        The model's interests are aggregated by the truth instead of the
        predictor's softmax; all else is as in `rank_held_out` with sampled
        candidates. This is what a better predictor could gain.

        Args:
            model: a finetuned model.
            split: the split.
            part: "validation" or "test".

        Returns:
            (num_cases,) float32 ranks, 1 is best.
        """
        ranks = []
        batches = evaluation_dataset(
            split, part, max_history_length=model.extractor.max_history_length
        )
        truth = self.of_held_out(split, part)
        for features, distributions in _with_rows(batches, truth):
            mapping = self.map_interests(model, features["item_ids"])
            weights = weigh_interests(mapping, distributions)
            interests = tf.cast(
                model.extractor(features["item_ids"]), tf.float32
            )
            user_vectors = tf.einsum("bk,bkd->bd", weights, interests)
            ranks.append(
                model.candidate_ranks(features, user_vectors[:, tf.newaxis])
            )
        return tf.concat(ranks, axis=0).numpy()


def weigh_interests(mapping: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Returns (batch, K) weights of learned interests for the true ones.

    Args:
        mapping: (batch, K, M), what each learned interest looks at.
        truth: (batch, M) true distributions.

    Example:
    >>> mapping = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
    >>> weigh_interests(mapping, tf.constant([[0.25, 0.75]])).numpy()
    array([[0.25, 0.75]], dtype=float32)
    """
    looked_at = tf.reduce_sum(mapping, axis=1, keepdims=True)  # (batch, 1, M)
    evenly = tf.ones_like(mapping) / tf.cast(tf.shape(mapping)[1], tf.float32)
    shares = tf.where(
        looked_at > 1e-6, tf.math.divide_no_nan(mapping, looked_at), evenly
    )
    return tf.einsum("bkm,bm->bk", shares, truth)


def mean_divergence(truth: np.ndarray, distributions: np.ndarray) -> float:
    """Returns the mean Jensen–Shannon divergence from the truth, in nats.

    Args:
        truth: (num_cases, M) true distributions.
        distributions: (num_cases, M) others.

    Example:
    >>> mean_divergence(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]))
    0.0
    """
    metric = JensenShannonDivergence()
    metric.update_state(
        tf.cast(truth, tf.float32), tf.cast(distributions, tf.float32)
    )
    return float(metric.result())


def _with_rows(
    batches: tf.data.Dataset, rows: np.ndarray
) -> Iterator[tuple[dict[str, tf.Tensor], np.ndarray]]:
    """Yields each batch with its rows of an array."""
    start = 0
    for features in batches:
        end = start + len(features["target_id"])
        yield features, rows[start:end]
        start = end
