"""TiSASRec: self-attention that sees the time between items."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import (
    check_history_length,
    check_positive_int,
    check_rate,
)
from tfrs_timirec.layers import RecencyEmbedding, ResumableDropout
from tfrs_timirec.layers.initialization import small_normal
from tfrs_timirec.layers.length_groups import map_by_length
from tfrs_timirec.layers.time_intervals import time_intervals
from tfrs_timirec.models.feature_specs import check_features, empty_features
from tfrs_timirec.models.sasrec import causal_blocks
from tfrs_timirec.models.sequential_recommender import Features
from tfrs_timirec.models.single_vector_recommender import (
    SingleVectorRecommender,
)


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class TiSASRec(SingleVectorRecommender):
    r"""SASRec that attends by the times between items and by their positions.

    Instead of adding positions to the items, item i attends to item j with the
    key $W_K e_j + k^r_{ij} + k^p_j$ and takes the value
    $W_V e_j + v^r_{ij} + v^p_j$, with a vector for each time interval r
    (`time_intervals`, cut off at `max_interval`) and each position p.

    The unit of time is the smallest gap of the history that is given. That of
    the TiMiRec authors' code also reads the user's validation and test
    interactions, and is at most 65,535 seconds: where times are whole days,
    as in Beauty, it is the same for all users there.

    In all else it is like `SASRec` here. Reads the features `item_ids` and
    `timestamps`.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        embedding_dim: size of all vectors (D).
        max_history_length: longest history (n).
        num_blocks: transformer blocks; they share the vectors of intervals
            and positions.
        max_interval: intervals from here on are one; 512 in the authors' code.
        dropout: rate of the dropout of what goes into the blocks and of what
            they add; 0 in the authors' code.
        **kwargs: `loss` of `SequentialRecommender`; `name` of
            `tf.keras.Model`.

    Raises:
        ValueError: if a size is not a positive integer, `dropout` lies
            outside [0, 1), or a history is longer than `max_history_length`.

    Example:
    >>> model = TiSASRec(interactions.vocabulary_size)
    >>> model.compile(optimizer=AdamL2(learning_rate=1e-3))
    >>> data = training_dataset(split, features=model.feature_names)
    >>> model.fit(data, epochs=10)

    Reference: Li et al., *Time interval aware self-attention for sequential
    recommendation*, WSDM 2020.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 64,
        max_history_length: int = 20,
        num_blocks: int = 1,
        max_interval: int = 512,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        check_positive_int(
            "TiSASRec", num_blocks=num_blocks, max_interval=max_interval
        )
        check_rate("TiSASRec", dropout=dropout)
        super().__init__(vocabulary_size, embedding_dim=embedding_dim, **kwargs)
        self.max_history_length = max_history_length
        self.max_interval = max_interval
        self.position_keys, self.position_values = (
            RecencyEmbedding(max_history_length, embedding_dim, name=name)
            for name in ("position_keys", "position_values")
        )
        self.interval_keys, self.interval_values = (
            tf.keras.layers.Embedding(
                max_interval + 1,
                embedding_dim,
                embeddings_initializer=small_normal(),
                name=name,
            )
            for name in ("interval_keys", "interval_values")
        )
        self.hidden_dropout = ResumableDropout(dropout, name="hidden_dropout")
        self.blocks = causal_blocks(num_blocks, embedding_dim, dropout)
        self(empty_features(self.feature_names, max_history_length))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What `call` reads: `features` of `training_dataset`, for serving."""
        return ("item_ids", "timestamps")

    def encode(
        self, features: Features, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the user vectors, (batch, embedding_dim)."""
        check_features("TiSASRec", features, self.feature_names)
        check_history_length(
            "TiSASRec", features["item_ids"].shape[1], self.max_history_length
        )
        encode = functools.partial(self._encode, training=training)
        return map_by_length(
            encode, features["item_ids"], features["timestamps"]
        )

    def _encode(
        self,
        item_ids: tf.Tensor,
        timestamps: tf.Tensor,
        training: bool | None,
    ) -> tf.Tensor:
        """Encodes histories with padding in front."""
        mask = tf.not_equal(item_ids, 0)
        position_keys = self.position_keys(mask)[:, tf.newaxis]
        position_values = self.position_values(mask)[:, tf.newaxis]
        hidden = self.hidden_dropout(
            self.item_embedding(item_ids), training=training
        )
        for block in self.blocks:
            last_only = block is self.blocks[-1]
            intervals = time_intervals(timestamps, mask, last_only=last_only)
            intervals = tf.minimum(intervals, self.max_interval)
            hidden = block(
                hidden,
                mask=mask,
                pair_keys=self.interval_keys(intervals) + position_keys,
                pair_values=self.interval_values(intervals) + position_values,
                last_only=last_only,
                training=training,
            )
        return tf.squeeze(hidden, axis=1)
