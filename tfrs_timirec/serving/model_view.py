"""What serving asks of a model, whichever kind it is."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
from collections.abc import Iterator

import tensorflow as tf

from tfrs_timirec.layers.masking import masked_softmax
from tfrs_timirec.models import SequentialRecommender, TiMiRec, aggregate
from tfrs_timirec.models.sequential_recommender import Features
from tfrs_timirec.serving.compact_table import (
    CompactTable,
    Storage,
    compact_tables,
    read_from,
)

_BLOCK_SIZE = 1 << 20  # Numbers of a weight that are looked at at once.


@dataclasses.dataclass(frozen=True)
class Representation:
    """How a model sees a batch of users.

    Args:
        user_vectors: (batch, num_vectors, dim) float32, what items are scored
            with: the best of them counts.
        interests: (batch, num_interests, dim) float32.
        probabilities: (batch, num_interests) float32, how likely the next item
            is to come from each interest.
    """

    user_vectors: tf.Tensor
    interests: tf.Tensor
    probabilities: tf.Tensor


class ModelView:
    """Reads user vectors, interests and item vectors from any recommender.

    Args:
        model: a trained model, in the stage that is to answer.
        storage: how item tables are kept; see `CompactTable`.

    Raises:
        ValueError: as `compact_tables`.
    """

    def __init__(
        self, model: SequentialRecommender, storage: Storage = "float32"
    ):
        self._model = model
        self.tables = compact_tables(model, storage)

    @property
    def items(self) -> tf.Variable | CompactTable:
        """(vocabulary_size, dim) vectors that candidates are scored with."""
        with read_from(self.tables):
            return self._model.item_embeddings

    @property
    def variables(self) -> list[tf.Variable]:
        """The weights that are read, those of compact tables apart."""
        replaced = {layer.embeddings.ref() for layer in self.tables}
        return [
            variable
            for variable in self._model.variables
            if variable.ref() not in replaced
        ]

    @property
    def weighs_items(self) -> bool:
        """Whether the model itself weighs the items of a history."""
        extractor = getattr(self._model, "extractor", None)
        return extractor is not None and (
            "return_attention" in inspect.signature(extractor.call).parameters
        )

    @property
    def predicts_interest(self) -> bool:
        """Whether the model predicts which interest comes next."""
        return (
            isinstance(self._model, TiMiRec)
            and self._model.stage == "finetuning"
        )

    def represent(self, features: Features) -> Representation:
        """Returns vectors, interests and their predicted distribution.

        A model that predicts no interest holds all interests of a user for as
        likely; one with a single vector a user has that as its one interest.

        Args:
            features: `item_ids`, (batch, length), and what else it reads.
        """
        with read_from(self.tables):
            if self.predicts_interest:
                interests, logits = self._model(
                    features, training=False, return_parts=True
                )
                vectors = aggregate(interests, logits)
                probabilities = tf.nn.softmax(tf.cast(logits, tf.float32))
            else:
                vectors = interests = self._model(features, training=False)
                probabilities = self._equal_shares(features, interests)
        return Representation(
            tf.cast(vectors, tf.float32),
            tf.cast(interests, tf.float32),
            probabilities,
        )

    def attention(self, features: Features, interests: tf.Tensor) -> tf.Tensor:
        """Returns the share of each history item in each interest.

        A model that does not weigh the items itself gets weights that say
        which items an interest is near to: the softmax over the items of their
        inner product with it.

        Args:
            features: as for `represent`.
            interests: (batch, num_interests, dim).

        Returns:
            (batch, num_interests, length) float32; 0 where padded.
        """
        item_ids = features["item_ids"]
        if self.weighs_items:
            with read_from(self.tables):
                _, attention = self._model.extractor(
                    item_ids, return_attention=True
                )
            return tf.cast(attention, tf.float32)
        vectors = tf.cast(tf.gather(self.items, item_ids), tf.float32)
        return masked_softmax(
            tf.einsum("bkd,bld->bkl", interests, vectors),
            tf.not_equal(item_ids, 0)[:, tf.newaxis],
        )

    def _equal_shares(
        self, features: Features, interests: tf.Tensor
    ) -> tf.Tensor:
        """Returns (batch, num_interests): the same for all that are active."""
        extractor = getattr(self._model, "extractor", None)
        # MIND may have fewer for a short history.
        find_active = getattr(extractor, "active_interests", None)
        active = (
            find_active(features["item_ids"])
            if find_active
            else tf.ones(tf.shape(interests)[:2], tf.bool)
        )
        shares = tf.cast(active, tf.float32)
        return shares / tf.reduce_sum(shares, axis=1, keepdims=True)


def check_weights(model: SequentialRecommender) -> None:
    """Raises a `ValueError` if a weight is infinite or no number.

    Args:
        model: a trained model.
    """
    for weight in _weights(model):
        if weight.dtype.is_floating and not all(
            tf.reduce_all(tf.math.is_finite(block)) for block in _blocks(weight)
        ):
            raise ValueError(
                "`model` must have weights that are numbers. Received:"
                f" {weight.name} with others. Its training has diverged; train"
                " anew with a smaller `learning_rate`."
            )


def fingerprint_weights(model: SequentialRecommender) -> str:
    """Returns a SHA-256 (hex) of a model's class, stage and weights.

    Args:
        model: a trained model, in the stage that is to answer.
    """
    digest = hashlib.sha256(f"{type(model).__name__} {model.stage}".encode())
    for weight in _weights(model):
        digest.update(f" {weight.dtype.name} {weight.shape} ".encode())
        for block in _blocks(weight):
            digest.update(block.numpy().tobytes())
    return digest.hexdigest()


def _weights(model: SequentialRecommender) -> list[tf.Variable]:
    """Returns what answers depend on; what evaluation has counted is apart."""
    counts = {
        weight.ref() for metric in model.metrics for weight in metric.weights
    }
    return [weight for weight in model.weights if weight.ref() not in counts]


def _blocks(weight: tf.Variable) -> Iterator[tf.Tensor]:
    """Yields the numbers of a weight, of which no whole copy is made."""
    numbers = tf.reshape(weight.read_value_no_copy(), (-1,))
    for start in range(0, numbers.shape[0], _BLOCK_SIZE):
        yield numbers[start : start + _BLOCK_SIZE]
