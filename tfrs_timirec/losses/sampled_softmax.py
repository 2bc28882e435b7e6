"""Softmax cross-entropy among sampled items."""

from __future__ import annotations

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class SampledSoftmaxLoss(tf.keras.losses.Loss):
    r"""Cross-entropy of the target among itself and sampled negatives.

    $$-\log \frac{e^{v^\top i}}{e^{v^\top i} + \sum_j e^{v^\top i^-_j}}$$

    With one negative it is `BPRLoss`; with many, those that score high weigh
    most, which a mean over pairs does not do. Not in the paper. The negatives
    are drawn uniformly, so no score is corrected for how it was drawn.

    Args:
        reduction: how the losses of a batch become one; a mean by default.
        name: name of the loss.

    Call arguments:
        positive_scores: `(batch, 1)` scores of the targets.
        negative_scores: `(batch, num_negatives)` scores of the negatives; the
            lowest number of the type leaves one out.

    Example:
    >>> loss = SampledSoftmaxLoss()(tf.zeros((1, 1)), tf.zeros((1, 3)))
    >>> round(float(loss), 4)
    1.3863

    Reference: Jean et al., *On using very large target vocabulary for neural
    machine translation*, ACL 2015.
    """

    def __init__(
        self,
        reduction: str = tf.keras.losses.Reduction.AUTO,
        name: str = "sampled_softmax_loss",
    ):
        super().__init__(reduction=reduction, name=name)

    def call(
        self, positive_scores: tf.Tensor, negative_scores: tf.Tensor
    ) -> tf.Tensor:
        """Returns the loss of each instance, (batch,)."""
        scores = [
            tf.cast(scores, tf.float32)
            for scores in (positive_scores, negative_scores)
        ]
        log_shares = tf.nn.log_softmax(tf.concat(scores, axis=-1))
        return -log_shares[..., 0]
