"""Time of day and time passed, as vectors."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.layers.initialization import small_normal

HOURS = 24
_SECONDS_PER_HOUR = 3600
_NUM_GAPS = 33  # Unknown, then 0 s, 1-2 s, 3-6 s, … up to 68 years.


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class TimeEmbedding(tf.keras.layers.Layer):
    r"""Embeds a moment: its hour of the day, and how long after another it is.

    With t in Unix seconds and g the seconds since the moment before, the
    vector is the sum of two rows,

    $$h_{\lfloor t / 3600 \rfloor \bmod 24} + d_{1 + \lfloor \log_2(1 + g)
    \rfloor},$$

    and where there is no moment before, $d_0$ instead. Hours are those of the
    timestamps, so of UTC: what matters is that they differ, not what they are
    called.

    Args:
        embedding_dim: size of a vector (D).
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Call arguments:
        timestamps: integer Unix seconds, any shape.
        gaps: integer seconds since the moment before, of the same shape; -1
            where there is none.

    Output shape: that of `timestamps`, and `embedding_dim`.

    Raises:
        ValueError: if `embedding_dim` is not a positive integer.

    Example:
    >>> layer = TimeEmbedding(embedding_dim=64)
    >>> layer(tf.constant([7200, 7260]), gaps=tf.constant([-1, 60])).shape
    TensorShape([2, 64])
    """

    def __init__(self, embedding_dim: int = 64, **kwargs: Any):
        check_positive_int("TimeEmbedding", embedding_dim=embedding_dim)
        super().__init__(**kwargs)
        self.embedding_dim = embedding_dim

    def build(self, input_shape: Any) -> None:
        """Creates the table of hours and the table of gaps."""
        self.hour_embeddings = self.add_weight(
            name="hour_embeddings",
            shape=(HOURS, self.embedding_dim),
            initializer=small_normal(),
        )
        self.gap_embeddings = self.add_weight(
            name="gap_embeddings",
            shape=(_NUM_GAPS, self.embedding_dim),
            initializer=small_normal(),
        )
        super().build(input_shape)

    def call(self, timestamps: tf.Tensor, gaps: tf.Tensor) -> tf.Tensor:
        """Returns the vectors of the moments."""
        vectors = tf.gather(self.hour_embeddings, hour_of_day(timestamps))
        vectors += tf.gather(self.gap_embeddings, _gap_class(gaps))
        return tf.cast(vectors, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "embedding_dim": self.embedding_dim}


def hour_of_day(timestamps: tf.Tensor) -> tf.Tensor:
    """Returns the hours, 0 to 23, of integer Unix seconds."""
    return timestamps // _SECONDS_PER_HOUR % HOURS


def _gap_class(gaps: tf.Tensor) -> tf.Tensor:
    """Returns 1 + floor(log2(1 + gap)), 0 for -1; exact for every integer."""
    gaps = tf.cast(gaps, tf.int64)
    starts = tf.constant([2**k for k in range(_NUM_GAPS - 1)], tf.int64)
    classes = tf.searchsorted(starts, tf.reshape(gaps + 1, [-1]), side="right")
    return tf.reshape(classes, tf.shape(gaps))
