"""A model and its vocabulary as one graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.models import SequentialRecommender


class RecommenderModule(tf.Module):
    """Recommends from raw ids to raw ids.

    The lookup of ids, the model and the choice of the best items are one
    graph, so that a server needs neither this package nor a vocabulary.

    `recommend(item_ids, k)` takes (batch, length) raw ids, oldest first, and
    the number of items. Shorter histories are padded on either side: with ""
    where ids are text, with -1 or 0 where they are integers and no item has
    that id. It returns `best_items`.

    Args:
        model: a trained model, in the stage that is to answer.
        interactions: the log it was trained on; its items are the vocabulary.
        max_history_length: the newest items of a history that the model reads.

    Raises:
        ValueError: if the model's vocabulary is not that of the log, or
            `max_history_length` is not a positive integer.

    Example:
    >>> module = RecommenderModule(model, interactions)
    >>> module.recommend([["B001", "B007"]], k=3)["item_ids"]
    """

    def __init__(
        self,
        model: SequentialRecommender,
        interactions: Interactions,
        max_history_length: int = 20,
    ):
        check_positive_int(
            "RecommenderModule", max_history_length=max_history_length
        )
        vocabulary_size = model.item_embeddings.shape[0]
        if vocabulary_size != interactions.vocabulary_size:
            raise ValueError(
                "RecommenderModule: `interactions` must be the log that `model`"
                f" was trained on. Received: {interactions.vocabulary_size} ids"
                f" in the log, {vocabulary_size} in the model."
            )
        super().__init__(name="recommender")
        self.max_history_length = max_history_length
        is_text = interactions.items.dtype == object
        raw_ids: list[Any] = interactions.items.tolist()
        padding: list[Any] = [""] if is_text else [-1, 0]
        padding = [value for value in padding if value not in set(raw_ids)]
        self.id_dtype = tf.string if is_text else tf.int64
        no_item = padding[0] if padding else -1
        self._raw_ids = tf.constant(
            [no_item] * NUM_RESERVED_IDS + raw_ids, self.id_dtype
        )
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(padding + raw_ids, self.id_dtype),
                tf.constant(
                    [0] * len(padding)
                    + [i + NUM_RESERVED_IDS for i in range(len(raw_ids))],
                    tf.int32,
                ),
            ),
            default_value=1,
        )
        # The model itself is no attribute: the export would hold its layers
        # one by one, and ask for this package where it is loaded.
        self._weights = list(model.variables)
        self._score = lambda item_ids: model.score_all(
            model({"item_ids": item_ids}, training=False)
        )
        self.recommend = tf.function(
            self._recommend,
            input_signature=[
                tf.TensorSpec((None, None), self.id_dtype, name="item_ids"),
                tf.TensorSpec((), tf.int32, name="k"),
            ],
        )

    def _recommend(
        self, item_ids: tf.Tensor, k: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        seen = self.encode(item_ids)
        return self.best_items(self._score(self.newest(seen)), seen, k)

    def encode(self, raw_ids: tf.Tensor) -> tf.Tensor:
        """Returns vocabulary ids, padding moved to the front.

        Args:
            raw_ids: (batch, length) raw ids.

        Returns:
            (batch, length) int32; 1 for an item that is not in the vocabulary.
        """
        item_ids = self._table.lookup(raw_ids)
        order = tf.argsort(tf.cast(item_ids > 0, tf.int32), axis=1, stable=True)
        return tf.gather(item_ids, order, batch_dims=1)

    def newest(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns what the model reads, (batch, max_history_length).

        Args:
            item_ids: (batch, length) vocabulary ids, padding in front.
        """
        length = self.max_history_length
        padded = tf.pad(item_ids, [[0, 0], [length, 0]])
        return tf.ensure_shape(padded[:, -length:], (None, length))

    def best_items(
        self, scores: tf.Tensor, seen: tf.Tensor, k: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns the k best items that were not seen.

        Args:
            scores: (batch, vocabulary_size).
            seen: (batch, length) vocabulary ids.
            k: number of items, a scalar.

        Returns:
            "item_ids", (batch, k) raw ids, best first, and "scores", (batch,
            k) float32. Where a user has seen almost everything the rest is
            padding with the lowest score there is.
        """
        k = tf.minimum(k, tf.shape(scores)[1] - NUM_RESERVED_IDS)
        lowest = np.finfo(np.float32).min
        reserved = tf.tile(
            tf.range(NUM_RESERVED_IDS)[tf.newaxis], [tf.shape(seen)[0], 1]
        )
        seen = tf.concat([reserved, seen], axis=1)
        rows = tf.range(tf.shape(seen)[0])[:, tf.newaxis] + tf.zeros_like(seen)
        scores = tf.tensor_scatter_nd_update(
            tf.cast(scores, tf.float32),
            tf.stack([rows, seen], axis=-1),
            tf.fill(tf.shape(seen), lowest),
        )
        best = tf.math.top_k(scores, k)
        item_ids = tf.where(best.values > lowest, best.indices, 0)
        return {
            "item_ids": tf.gather(self._raw_ids, item_ids),
            "scores": best.values,
        }
