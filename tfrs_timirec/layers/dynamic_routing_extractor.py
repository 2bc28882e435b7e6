"""Capsules with a matrix for every place and interest: item ids in."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec.layers.capsule_extractor import _CapsuleExtractor
from tfrs_timirec.layers.routing import route


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class DynamicRoutingExtractor(_CapsuleExtractor):
    r"""Extracts K interests by dynamic routing (ComiRec-DR).

    The item that came i items ago votes for interest k with
    $\hat e_{ki} = W_{ki} e_i$, and `route` finds from equal logits which items
    make up which interest. Places count from the newest item, so that the side
    of the padding does not matter; ComiRec's code counts from the front.

    The matrices start at N(0, 1 / dim), so that a vote is as long as its item.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and interests (D).
        max_history_length: longest history (n).
        num_iterations: iterations of the routing.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: `(batch, length)` integer item ids, 0 pads;
        `length <= max_history_length`.
    Output shape: `(batch, num_interests, embedding_dim)`; zeros for a history
        without an item.

    Raises:
        ValueError: if a size is not a positive integer, or a history is longer
            than `max_history_length`.

    Example:
    >>> extractor = DynamicRoutingExtractor(vocabulary_size=100)
    >>> model = ComiRec(extractor=extractor)  # ComiRec-DR
    >>> extractor(tf.constant([[0, 5, 7]])).shape
    TensorShape([1, 4, 64])

    Reference: Cen et al., *Controllable multi-interest framework for
    recommendation* (ComiRec-DR), KDD 2020.
    """

    def build(self, input_shape: Any) -> None:
        """Creates W, (max_history_length, dim, num_interests * dim)."""
        self.vote_kernel = self._add_vote_kernel(
            self.max_history_length,
            self.embedding_dim,
            self.num_interests * self.embedding_dim,
        )
        super().build(input_shape)

    def _extract(self, item_ids: tf.Tensor) -> tf.Tensor:
        length = item_ids.shape[1]
        kernel = self.vote_kernel[self.max_history_length - length :]
        # A product a place, (batch, dim) times (dim, num_interests * dim).
        votes = tf.matmul(
            self.item_embedding(tf.transpose(item_ids)),
            tf.cast(kernel, self.compute_dtype),
        )
        votes = tf.reshape(
            votes, (length, -1, self.num_interests, self.embedding_dim)
        )
        return route(
            tf.transpose(votes, [1, 0, 2, 3]),
            tf.zeros((length, self.num_interests)),
            tf.not_equal(item_ids, 0),
            self.num_iterations,
        )
