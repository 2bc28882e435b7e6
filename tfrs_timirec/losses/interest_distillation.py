"""Distillation of the target's interest distribution."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class InterestDistillationLoss(tf.keras.losses.Loss):
    r"""Teaches a predictor the interest that the target item belongs to.

    From the cosine similarities $z^p$ of the target to each interest and the
    predicted logits $z^q$, with temperature T (Eq. 6, 7, 9 and 11):

    $$T^2 \cdot -\,\mathrm{stopgrad}(\mathrm{softmax}(z^p / T))^\top
      \log \mathrm{softmax}(z^q / T).$$

    The factor $T^2$ is part of the loss, so that it can be added to a
    recommendation loss as it is.

    Args:
        temperature: smoothness of both distributions (T).
        stop_gradient: hold the target distribution fixed (Eq. 9); False is the
            "w/o stopgrad" of Table 4, which lets the interests collapse
            towards the prediction.
        reduction: how the losses of a batch become one; a mean by default.
        name: name of the loss.

    Call arguments:
        target_similarities: `(batch, num_interests)`, z^p.
        predicted_logits: `(batch, num_interests)`, z^q.

    Raises:
        ValueError: if `temperature` is not above zero.

    Example:
    >>> loss = InterestDistillationLoss(temperature=0.1)
    >>> similarities = tf.constant([[0.9, 0.1]])
    >>> bool(loss(similarities, tf.constant([[1.0, 0.0]]))
    ...      < loss(similarities, tf.constant([[0.0, 1.0]])))
    True

    Reference: Sections 3.3 and 3.4.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        stop_gradient: bool = True,
        reduction: str = tf.keras.losses.Reduction.AUTO,
        name: str = "interest_distillation_loss",
    ):
        if not temperature > 0:
            raise ValueError(
                "InterestDistillationLoss: `temperature` must be above zero."
                f" Received: temperature={temperature!r}"
            )
        super().__init__(reduction=reduction, name=name)
        self.temperature = temperature
        self.stop_gradient = stop_gradient

    def call(
        self, target_similarities: tf.Tensor, predicted_logits: tf.Tensor
    ) -> tf.Tensor:
        """Returns the loss of each instance, (batch,)."""
        similarities = tf.cast(target_similarities, tf.float32)
        logits = tf.cast(predicted_logits, tf.float32)
        targets = tf.nn.softmax(similarities / self.temperature)
        if self.stop_gradient:
            targets = tf.stop_gradient(targets)
        log_predictions = tf.nn.log_softmax(logits / self.temperature)
        cross_entropy = -tf.reduce_sum(targets * log_predictions, axis=-1)
        return self.temperature**2 * cross_entropy

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "stop_gradient": self.stop_gradient,
        }
