"""YouTubeDNN: a perceptron over the mean of the history."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_non_negative_int
from tfrs_timirec.layers.initialization import small_normal_dense
from tfrs_timirec.models.feature_specs import empty_features
from tfrs_timirec.models.sequential_recommender import Features
from tfrs_timirec.models.single_vector_recommender import (
    SingleVectorRecommender,
)


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class YouTubeDNN(SingleVectorRecommender):
    r"""Represents a user by a perceptron over the mean of the items' vectors.

    With $\bar h$ the mean of the history, the user vector is $W \bar h + b$,
    before which `num_hidden_layers` ReLU layers may stand: the original has a
    tower of them, the TiMiRec authors' code none. The mean is over the real
    items alone; the authors' sums the vector of the padding, too, so that a
    prediction depends on the batch around it.

    Differs from the original in its loss (by default BPR instead of sampled
    softmax) and reads no features but the history.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        embedding_dim: size of all vectors and layers (D).
        num_hidden_layers: ReLU layers before the last, linear one.
        **kwargs: `loss` of `SequentialRecommender`; `name` of
            `tf.keras.Model`.

    Raises:
        ValueError: if a size is not a positive integer, or
            `num_hidden_layers` is negative.

    Example:
    >>> model = YouTubeDNN(interactions.vocabulary_size)
    >>> model.compile(optimizer=AdamL2(learning_rate=1e-3))
    >>> model.fit(training_dataset(split), epochs=10)

    Reference: Covington et al., *Deep neural networks for YouTube
    recommendations*, RecSys 2016.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 64,
        num_hidden_layers: int = 0,
        **kwargs: Any,
    ):
        check_non_negative_int(
            "YouTubeDNN", num_hidden_layers=num_hidden_layers
        )
        super().__init__(vocabulary_size, embedding_dim=embedding_dim, **kwargs)
        self.perceptron = [
            *(
                small_normal_dense(
                    embedding_dim, f"hidden_{number}", activation="relu"
                )
                for number in range(num_hidden_layers)
            ),
            small_normal_dense(embedding_dim, "output_projection"),
        ]
        self(empty_features(self.feature_names, 1))
        self._save_with(None)  # Histories of any length.

    def encode(
        self, features: Features, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the user vectors, (batch, embedding_dim)."""
        item_ids = features["item_ids"]
        places = tf.where(tf.not_equal(item_ids, 0))  # (num_items, 2)
        items = self.item_embedding(tf.gather_nd(item_ids, places))
        vectors = tf.math.unsorted_segment_mean(
            items, places[:, 0], tf.shape(item_ids)[0]
        )
        for layer in self.perceptron:
            vectors = layer(vectors)
        return vectors
