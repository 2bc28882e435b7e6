"""MIND's capsules, one matrix for all: item ids in, interests out."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_timirec._validation import check_non_negative_int
from tfrs_timirec.layers.capsule_extractor import _CapsuleExtractor
from tfrs_timirec.layers.routing import route


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class MINDExtractor(_CapsuleExtractor):
    r"""Extracts interests by MIND's behavior-to-interest dynamic routing.

    All items vote for all interests with one matrix, $\hat e_i = S e_i$. What
    sets the interests apart is where `route` starts from: logits drawn from
    N(0, 1), one for each interest and place, counted from the newest item.
    They are drawn once, from `routing_seed`, and are no weights: equal
    histories have equal interests, in every call and every process. (The
    authors of TiMiRec draw them anew at each call.)

    With `adaptive_interests` a history of n items has

    $$K'_u = \max(1, \min(K, \lfloor \log_2 n \rfloor))$$

    interests. The places of the others repeat the first interest, so that with
    greedy scoring the best interest of an item, its score and its loss are
    those of the K' active ones alone. What compares all K, as TiMiRec's
    distillation and `InterestDistance`, takes a copy for an interest.

    MIND's ReLU layers mix a user profile into the interests; without a profile
    they are left out. S starts at N(0, 1 / dim), so that a vote is as long as
    its item.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        num_interests: number of interests (K), the most there can be.
        embedding_dim: size of item vectors and interests (D).
        max_history_length: longest history (n).
        adaptive_interests: let short histories have fewer interests.
        num_iterations: iterations of the routing.
        routing_seed: seed of the logits, 0 or more.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: `(batch, length)` integer item ids, 0 pads;
        `length <= max_history_length`.
    Output shape: `(batch, num_interests, embedding_dim)`; zeros for a history
        without an item.

    Raises:
        ValueError: if a size is not a positive integer, `routing_seed` is
            negative, or a history is longer than `max_history_length`.

    Example:
    >>> extractor = MINDExtractor(vocabulary_size=100, adaptive_interests=True)
    >>> extractor.active_interests(tf.constant([[0, 5, 7]])).numpy()
    array([[ True, False, False, False]])

    Reference: Li et al., *Multi-interest network with dynamic routing for
    recommendation at Tmall*, CIKM 2019.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        adaptive_interests: bool = False,
        routing_seed: int = 0,
        **kwargs: Any,
    ):
        check_non_negative_int("MINDExtractor", routing_seed=routing_seed)
        super().__init__(vocabulary_size, **kwargs)
        self.adaptive_interests = adaptive_interests
        self.routing_seed = routing_seed
        # The last row is the newest item's.
        self._routing_logits = np.random.default_rng(routing_seed).normal(
            size=(self.max_history_length, self.num_interests)
        )

    def build(self, input_shape: Any) -> None:
        """Creates S, (dim, dim)."""
        self.vote_kernel = self._add_vote_kernel(
            self.embedding_dim, self.embedding_dim
        )
        super().build(input_shape)

    def active_interests(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Says which interests are a history's own.

        Args:
            item_ids: (batch, length).

        Returns:
            (batch, num_interests) boolean; the first one is always True.
        """
        num_items = tf.math.count_nonzero(
            item_ids, axis=1, keepdims=True, dtype=tf.int32
        )
        # Interest k, counted from 0, takes 2^(k + 1) items; the first takes 0.
        minima = [0, *(2 ** (k + 1) for k in range(1, self.num_interests))]
        if not self.adaptive_interests:
            minima = [0] * self.num_interests
        return num_items >= tf.constant(minima)

    def _extract(self, item_ids: tf.Tensor) -> tf.Tensor:
        is_active = self.active_interests(item_ids)
        first_place = self.max_history_length - item_ids.shape[1]
        interests = route(
            tf.tensordot(
                self.item_embedding(item_ids),
                tf.cast(self.vote_kernel, self.compute_dtype),
                axes=1,
            ),
            tf.constant(self._routing_logits[first_place:], tf.float32),
            tf.not_equal(item_ids, 0),
            self.num_iterations,
            is_active,
        )
        return tf.where(is_active[..., tf.newaxis], interests, interests[:, :1])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "adaptive_interests": self.adaptive_interests,
            "routing_seed": self.routing_seed,
        }
