"""Jensen–Shannon divergence of two interest distributions."""

from __future__ import annotations

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class JensenShannonDivergence(tf.keras.metrics.Mean):
    """Mean divergence of predicted from target distributions, in nats.

    0 where two distributions agree, ln 2 where they share nothing. Section 4.2
    measures with it how well the predictor knows the target's interest.

    Args:
        name: name of the metric.
        dtype: type of the result.

    Call arguments:
        target: `(batch, num_interests)` distributions.
        predicted: `(batch, num_interests)` distributions.
        sample_weight: weights of the rows; all alike by default.

    Example:
    >>> metric = JensenShannonDivergence()
    >>> value = metric(tf.constant([[1.0, 0.0]]), tf.constant([[0.0, 1.0]]))
    >>> round(float(value), 4)
    0.6931

    Reference: Lin, *Divergence measures based on the Shannon entropy*, 1991.
    """

    def __init__(self, name: str = "js_divergence", dtype: str | None = None):
        super().__init__(name=name, dtype=dtype)

    def update_state(
        self,
        target: tf.Tensor,
        predicted: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Adds a batch of distributions."""
        target = tf.cast(target, self.dtype)
        predicted = tf.cast(predicted, self.dtype)
        both = target + predicted  # Halved, the smallest would become 0.
        divergences = 0.5 * (
            _divergence_from_mean(target, both)
            + _divergence_from_mean(predicted, both)
        )
        return super().update_state(divergences, sample_weight)


def _divergence_from_mean(one: tf.Tensor, both: tf.Tensor) -> tf.Tensor:
    """Sum of p ln(2 p / (p + q)), where 0 ln 0 is 0; (batch,)."""
    ratios = tf.math.divide_no_nan(2 * one, both)
    return tf.reduce_sum(tf.math.xlogy(one, ratios), axis=-1)
