"""A model, its vocabulary and its index as one graph."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.evaluation.top_k import top_k_by_blocks
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.models.feature_specs import length_to_read
from tfrs_timirec.serving.categories import item_categories
from tfrs_timirec.serving.compact_table import Storage
from tfrs_timirec.serving.diversity import choose_diverse, first_occurrences
from tfrs_timirec.serving.history_reader import HistoryReader
from tfrs_timirec.serving.model_view import ModelView
from tfrs_timirec.serving.request_shapes import (
    check_pairs,
    check_pool,
    longest,
    one_a_row,
    to_rows,
)
from tfrs_timirec.serving.signature_function import signature_function

# What one request may cost, whatever serves it: at 64 dimensions the first is a
# third of a second and 330 MB at the most, the second a second and 170 MB.
MAX_SCORED_PAIRS = 2**20
MAX_EXCLUDED_PAIRS = 2**22

_LOWEST = tf.float32.min
_POOL = 5  # Candidates an interest for each place of a diverse list.


class RecommenderModule(tf.Module):
    """Answers raw ids with raw ids; the functions are an export's signatures.

    The lookup of ids, the model and the search for the best items are one
    graph, so that a server needs neither this package nor a vocabulary.

    - `recommend(item_ids, k=10, exclude_ids, exclude_seen=True)`, the
      signature "serving_default": `item_ids` (batch, k), best first, `scores`
      (batch, k), and `interest_probabilities` (batch, K), the predicted
      distribution over the interests.
    - `interests(item_ids, k=5, exclude_ids, exclude_seen=True)`: `interests`
      (batch, K, dim), `interest_probabilities` (batch, K), `attention` (batch,
      K, length) of each interest to each item of the request, `nearest_items`
      and `nearest_scores` (batch, K, k).
    - `user_embedding(item_ids)`: `user_embedding` (batch, num_vectors, dim);
      an item's score is its largest inner product with one of the vectors.
    - `score(item_ids, candidate_ids)`: `scores` (batch, num_candidates).
    - `recommend_diverse(item_ids, diversity, k=10, exclude_ids,
      exclude_seen=True)`: `item_ids` and `scores` (batch, k), as
      `choose_diverse` chooses them from the 5 k best items of every interest.

    What goes in:

    - `item_ids`: (batch, length) raw ids, oldest first; shorter histories are
      padded on either side, with "" where ids are text, with -1 or 0 where
      they are integers and no item has that id. The newest
      `max_history_length` are read. An item that is not in the vocabulary
      counts as "unknown item".
    - what else the model reads (`feature_names`), by name: `timestamps`, of the
      shape of `item_ids`, and `request_timestamp`, (batch,) or (1,), Unix
      seconds; `user_<column>`, (batch, any) raw values. What is known of items
      (`item_<column>`) is in the graph.
    - `k`: the length of the lists, a scalar or one a row; 0 gives empty lists,
      more than there are items gives all of them, more than `max_k` an error.
    - `exclude_ids`: (batch, any) or (1, any) raw ids that are not recommended;
      batch * any is at most `MAX_EXCLUDED_PAIRS`, divided by the number of
      vectors where lists are made for each (`interests`, `recommend_diverse`).
    - `exclude_seen`: whether the items of the history, however long it is, are
      not recommended either; a scalar or one a row.
    - `candidate_ids`: (batch, num_candidates) or (1, num_candidates) raw ids;
      batch * num_candidates is at most `MAX_SCORED_PAIRS`. One row for all
      histories costs much less.
    - `diversity`: what variety is worth, in units of the scores; a scalar or
      one a row. What is chosen from, five items an interest and user vector for
      each place of the lists, is at most `MAX_SCORED_PAIRS`, too.

    Where a list has no item left, the id is padding and the score the lowest
    float32; so is that of a candidate that is not in the vocabulary.

    Args:
        model: a trained model, in the stage that is to answer.
        interactions: the log it was trained on; its items are the vocabulary.
        max_history_length: the newest items of a history that the model reads;
            by default as many as it can, 20 if it can any number.
        storage: how item vectors are kept: "float32", "float16" or "int8"; see
            `CompactTable`.
        category: column of `interactions.item_metadata` whose values
            `recommend_diverse` mixes; of a list the first counts. By default
            an item's category is the interest that it fits best.
        max_k: the longest list that a request may ask for; it bounds what one
            request costs.

    Raises:
        ValueError: if the model's vocabulary is not that of the log,
            `max_history_length` or `max_k` is not a positive integer, the
            model cannot read so many items, `storage` is unknown, there is no
            such `category`, or the log lacks what the model reads.

    Example:
    >>> module = RecommenderModule(model, interactions)
    >>> module.recommend([["B001", "B007"]], k=3)["item_ids"]
    """

    def __init__(
        self,
        model: SequentialRecommender,
        interactions: Interactions,
        max_history_length: int | None = None,
        *,
        storage: Storage = "float32",
        category: str | None = None,
        max_k: int = 1000,
    ):
        check_positive_int("RecommenderModule", max_k=max_k)
        max_history_length = length_to_read(
            "RecommenderModule", model, max_history_length
        )
        vocabulary_size = model.item_embeddings.shape[0]
        if vocabulary_size != interactions.vocabulary_size:
            raise ValueError(
                "RecommenderModule: `interactions` must be the log that `model`"
                f" was trained on. Received: {interactions.vocabulary_size} ids"
                f" in the log, {vocabulary_size} in the model."
            )
        super().__init__(name="recommender")
        self.num_items = interactions.num_items
        self.max_k = max_k
        self.example_items = tuple(interactions.items[:2].tolist())
        self.reader = HistoryReader(
            interactions, max_history_length, model.feature_names
        )
        # No part of the module, unlike what it reads: the export would hold
        # the model's layers and ask for this package where it is loaded.
        self._view = ModelView(model, storage)
        self._weights = self._view.variables
        self._tables = list(self._view.tables.values())
        self._categories = (
            tf.constant(item_categories(interactions, category))
            if category
            else None
        )
        ids = tf.TensorSpec((None, None), self.reader.id_dtype)
        history = {"item_ids": ids, **self.reader.context.specs}
        lists = {
            "k": tf.TensorSpec(None, tf.int32),
            "exclude_ids": ids,
            "exclude_seen": tf.TensorSpec(None, tf.bool),
        }
        default = {
            "k": tf.constant(min(10, max_k)),
            "exclude_ids": tf.zeros((1, 0), ids.dtype),
            "exclude_seen": tf.constant(True),
        }
        diversity = {"diversity": tf.TensorSpec(None, tf.float32)}
        self.recommend = signature_function(
            self._recommend, history | lists, default
        )
        self.interests = signature_function(
            self._interests,
            history | lists,
            default | {"k": tf.constant(min(5, max_k))},
        )
        self.user_embedding = signature_function(
            self._user_embedding, history, {}
        )
        self.score = signature_function(
            self._score, history | {"candidate_ids": ids}, {}
        )
        self.recommend_diverse = signature_function(
            self._recommend_diverse, history | diversity | lists, default
        )

    @property
    def signatures(self) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
        """The functions by the names that an export gives them."""
        return {
            "serving_default": self.recommend,
            "interests": self.interests,
            "user_embedding": self.user_embedding,
            "score": self.score,
            "recommend_diverse": self.recommend_diverse,
        }

    def _recommend(
        self,
        item_ids: tf.Tensor,
        k: tf.Tensor,
        exclude_ids: tf.Tensor,
        exclude_seen: tf.Tensor,
        **context: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        history = self.reader.read(item_ids, context)
        user = self._view.represent(history.features)
        lengths = self._list_lengths(k, item_ids)
        scores, best = top_k_by_blocks(
            user.user_vectors,
            self._view.items,
            longest(lengths),
            excluded=self._excluded(history.seen, exclude_ids, exclude_seen),
        )
        return {
            **self._lists(scores, best, lengths),
            "interest_probabilities": user.probabilities,
        }

    def _interests(
        self,
        item_ids: tf.Tensor,
        k: tf.Tensor,
        exclude_ids: tf.Tensor,
        exclude_seen: tf.Tensor,
        **context: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        history = self.reader.read(item_ids, context)
        user = self._view.represent(history.features)
        lengths = self._list_lengths(k, item_ids)
        excluded = self._excluded(
            history.seen, exclude_ids, exclude_seen, user.interests.shape[1]
        )
        scores, nearest = self._search_each(
            user.interests, longest(lengths), excluded
        )
        nearest = self._lists(scores, nearest, lengths[:, tf.newaxis])
        attention = self._view.attention(history.features, user.interests)
        return {
            "interests": user.interests,
            "interest_probabilities": user.probabilities,
            "attention": history.as_requested(attention),
            "nearest_items": nearest["item_ids"],
            "nearest_scores": nearest["scores"],
        }

    def _user_embedding(
        self, item_ids: tf.Tensor, **context: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        history = self.reader.read(item_ids, context)
        user = self._view.represent(history.features)
        return {"user_embedding": user.user_vectors}

    def _score(
        self,
        item_ids: tf.Tensor,
        candidate_ids: tf.Tensor,
        **context: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        candidates = self.reader.encode(
            check_pairs(
                "candidate_ids", candidate_ids, item_ids, MAX_SCORED_PAIRS
            )
        )
        history = self.reader.read(item_ids, context)
        user = self._view.represent(history.features)
        return {"scores": self._score_some(user.user_vectors, candidates)}

    def _recommend_diverse(
        self,
        item_ids: tf.Tensor,
        diversity: tf.Tensor,
        k: tf.Tensor,
        exclude_ids: tf.Tensor,
        exclude_seen: tf.Tensor,
        **context: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        is_number = tf.reduce_all(
            (diversity >= 0) & tf.math.is_finite(diversity)
        )
        check = tf.debugging.Assert(
            is_number,
            ["`diversity` must be a number from 0 on. Received:", diversity],
        )
        with tf.control_dependencies([check]):
            diversity = one_a_row("diversity", diversity, item_ids)
        history = self.reader.read(item_ids, context)
        user = self._view.represent(history.features)
        # The best of all are among them, whether the user vectors are the
        # interests or an aggregate.
        queries = user.interests
        if self._view.predicts_interest:
            queries = tf.concat([user.user_vectors, queries], axis=1)
        lengths = self._list_lengths(k, item_ids)
        length = longest(lengths)
        pool = tf.minimum(_POOL * length, self.num_items)
        num_histories, num_vectors = tf.unstack(tf.shape(queries)[:2])
        pool = check_pool(
            pool, num_histories, num_vectors, length, MAX_SCORED_PAIRS
        )
        excluded = self._excluded(
            history.seen, exclude_ids, exclude_seen, queries.shape[1]
        )
        _, found = self._search_each(queries, pool, excluded)
        # A row's pool is what it would be alone.
        own = tf.range(pool) < _POOL * lengths[:, tf.newaxis, tf.newaxis]
        found = tf.where(own, found, 0)
        found = tf.reshape(
            found, (tf.shape(found)[0], tf.shape(found)[1] * pool)
        )
        scores = self._score_some(user.user_vectors, found)
        scores = tf.where(first_occurrences(found), scores, _LOWEST)
        chosen = choose_diverse(
            scores,
            self._categories_of(found, user.interests),
            diversity,
            length,
        )
        return self._lists(
            tf.gather(scores, chosen, batch_dims=1),
            tf.gather(found, chosen, batch_dims=1),
            lengths,
        )

    def _search_each(
        self, queries: tf.Tensor, k: tf.Tensor, excluded: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the k best items of each vector, (batch, num_vectors, k)."""
        batch_size, num_vectors = tf.unstack(tf.shape(queries)[:2])
        scores, best = top_k_by_blocks(
            tf.reshape(queries, (-1, 1, queries.shape[-1])),
            self._view.items,
            k,
            excluded=tf.repeat(excluded, num_vectors, axis=0),
        )
        shape = (batch_size, num_vectors, k)
        return tf.reshape(scores, shape), tf.reshape(best, shape)

    def _score_some(
        self, user_vectors: tf.Tensor, item_ids: tf.Tensor
    ) -> tf.Tensor:
        """Scores (batch, num_candidates) items; what is none, the lowest.

        One row of items, (1, num_candidates), is gathered once for all.
        """
        vectors = tf.cast(tf.gather(self._view.items, item_ids), tf.float32)
        # (batch, num_vectors, num_candidates)
        scores = tf.einsum("...vd,...id->...vi", user_vectors, vectors)
        return tf.where(
            item_ids >= NUM_RESERVED_IDS,
            tf.reduce_max(scores, axis=1),
            _LOWEST,
        )

    def _categories_of(
        self, item_ids: tf.Tensor, interests: tf.Tensor
    ) -> tf.Tensor:
        if self._categories is not None:
            return tf.gather(self._categories, item_ids)
        vectors = tf.cast(tf.gather(self._view.items, item_ids), tf.float32)
        fits = tf.einsum("bkd,bid->bki", interests, vectors)
        return tf.argmax(fits, axis=1, output_type=tf.int32)

    def _excluded(
        self,
        seen: tf.Tensor,
        exclude_ids: tf.Tensor,
        exclude_seen: tf.Tensor,
        num_lists: int | None = 1,
    ) -> tf.Tensor:
        """Returns the vocabulary ids that are not recommended to each row.

        They are searched once for each list of the row; None is any number.
        """
        hides_seen = one_a_row("exclude_seen", exclude_seen, seen)
        max_pairs = MAX_EXCLUDED_PAIRS // (num_lists or 1)
        exclude_ids = check_pairs("exclude_ids", exclude_ids, seen, max_pairs)
        others = to_rows(self.reader.encode(exclude_ids), seen)
        return tf.concat(
            [tf.where(hides_seen[:, tf.newaxis], seen, 0), others], axis=1
        )

    def _list_lengths(self, k: tf.Tensor, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns the length of each row's list, (batch,)."""
        check = tf.debugging.Assert(
            tf.reduce_all((k >= 0) & (k <= self.max_k)),
            [f"`k` must lie between 0 and {self.max_k}. Received:", k],
        )
        with tf.control_dependencies([check]):
            return tf.minimum(one_a_row("k", k, item_ids), self.num_items)

    def _lists(
        self, scores: tf.Tensor, item_ids: tf.Tensor, lengths: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Ends each list at its length, and writes raw ids."""
        places = tf.range(tf.shape(scores)[-1])
        is_listed = (places < lengths[..., tf.newaxis]) & (scores > _LOWEST)
        return {
            "item_ids": self.reader.decode(tf.where(is_listed, item_ids, 0)),
            "scores": tf.where(is_listed, scores, _LOWEST),
        }
