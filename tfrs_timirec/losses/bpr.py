"""Bayesian personalized ranking."""

from __future__ import annotations

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class BPRLoss(tf.keras.losses.Loss):
    r"""Pairwise ranking loss between the target and sampled negatives.

    $$-\log \sigma(v^\top i - v^\top i^-)$$ (Eq. 10), taken as a softplus, which
    does not overflow. With several negatives it is their mean.

    Args:
        reduction: how the losses of a batch become one; a mean by default,
            where the paper's equation has a sum.
        name: name of the loss.

    Call arguments:
        positive_scores: `(batch, 1)` scores of the targets.
        negative_scores: `(batch, num_negatives)` scores of the negatives.

    Example:
    >>> loss = BPRLoss()(tf.constant([[0.0]]), tf.constant([[0.0]]))
    >>> round(float(loss), 4)
    0.6931

    Reference: Rendle et al., *BPR: Bayesian personalized ranking from implicit
    feedback*, UAI 2009.
    """

    def __init__(
        self,
        reduction: str = tf.keras.losses.Reduction.AUTO,
        name: str = "bpr_loss",
    ):
        super().__init__(reduction=reduction, name=name)

    def call(
        self, positive_scores: tf.Tensor, negative_scores: tf.Tensor
    ) -> tf.Tensor:
        """Returns the loss of each instance, (batch,)."""
        margins = tf.cast(positive_scores, tf.float32) - tf.cast(
            negative_scores, tf.float32
        )
        return tf.reduce_mean(tf.nn.softplus(-margins), axis=-1)
