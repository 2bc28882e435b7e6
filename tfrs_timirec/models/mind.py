"""MIND: interests by dynamic routing, label-aware attention in training."""

from __future__ import annotations

import math

import tensorflow as tf

from tfrs_timirec.layers import MINDExtractor
from tfrs_timirec.layers.masking import masked_softmax
from tfrs_timirec.models.comirec import ComiRec
from tfrs_timirec.models.sequential_recommender import Features


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class MIND(ComiRec):
    r"""Represents a user by routed interests, trained by label-aware attention.

    In training the target i asks the interests V for one vector,

    $$v = V\,\mathrm{softmax}(\mathrm{pow}(V^\top i, p)),$$

    which takes the place of ComiRec's best interest in the loss. A larger
    p attends more to the best interest, and an infinite one to it alone. The
    power keeps the sign of a product, which an even one would lose. Scoring is
    greedy, as ComiRec's.

    Differs from the original in its loss (by default BPR, as all systems of
    the paper's comparison, instead of sampled softmax) and has no user profile.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and interests (D).
        max_history_length: longest history (n).
        adaptive_interests: let short histories have fewer interests, by their
            length; see `MINDExtractor`.
        routing_seed: seed of the logits that routing starts from.
        attention_power: p, at least 1; `math.inf` for the best interest alone.
        loss: as `SequentialRecommender`.
        name: of `tf.keras.Model`.

    Raises:
        ValueError: if a size is not a positive integer, `routing_seed` is
            negative or `attention_power` is below 1.

    Example:
    >>> model = MIND(interactions.vocabulary_size, adaptive_interests=True)
    >>> model.compile(optimizer=AdamL2(learning_rate=1e-3))
    >>> model.fit(training_dataset(split), epochs=10)

    Reference: Li et al., *Multi-interest network with dynamic routing for
    recommendation at Tmall*, CIKM 2019.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        num_interests: int = 4,
        embedding_dim: int = 64,
        max_history_length: int = 20,
        adaptive_interests: bool = False,
        routing_seed: int = 0,
        attention_power: float = 1.0,
        loss: str = "bpr",
        name: str | None = None,
    ):
        if not attention_power >= 1:
            raise ValueError(
                "MIND: `attention_power` must be at least 1."
                f" Received: attention_power={attention_power}"
            )
        super().__init__(
            extractor=MINDExtractor(
                vocabulary_size,
                num_interests=num_interests,
                embedding_dim=embedding_dim,
                max_history_length=max_history_length,
                adaptive_interests=adaptive_interests,
                routing_seed=routing_seed,
                name="extractor",
            ),
            max_history_length=max_history_length,
            loss=loss,
            name=name,
        )
        self.attention_power = attention_power

    def compute_loss(
        self, features: Features, training: bool = False
    ) -> tf.Tensor:
        """Returns the ranking loss of what the target attends to."""
        if math.isinf(self.attention_power):
            return super().compute_loss(features, training=training)
        interests = self(features, training=training)
        scores = self._score_instances(features, interests)
        fit = scores[:, :, 0]  # (batch, num_interests)
        weights = masked_softmax(
            _signed_power(fit, self.attention_power),
            self.extractor.active_interests(features["item_ids"]),
        )
        return self._mean_ranking_loss(tf.einsum("bk,bki->bi", weights, scores))


def _signed_power(fit: tf.Tensor, power: float) -> tf.Tensor:
    """Returns (batch, num_interests) powers, for a softmax over interests.

    Powers above 1e20 give the best interest all the attention. Before they
    leave the range of float32 all interests shrink with the best one, which
    does not change that.
    """
    best = tf.reduce_max(fit, axis=1, keepdims=True)
    largest = 1e20 ** (1 / power)
    shrinkage = tf.maximum(tf.abs(best) / largest, 1.0)
    fit = fit / tf.stop_gradient(shrinkage)
    fit = tf.maximum(fit, -(1e25 ** (1 / power)))  # Far behind the best.
    return tf.sign(fit) * tf.abs(fit) ** power
