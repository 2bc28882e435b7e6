"""What all recommenders share: scoring, training step, validation metrics."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from tfrs_timirec.losses import BPRLoss, SampledSoftmaxLoss
from tfrs_timirec.metrics import NDCG, HitRate, target_ranks
from tfrs_timirec.models.feature_specs import check_features, only_features
from tfrs_timirec.models.saveable_model import _SaveableModel
from tfrs_timirec.models.scoring import (
    batch_mean,
    batch_share,
    best_scores,
    score_in_blocks,
    score_rounding,
)

CUTOFFS = (5, 10, 20)

RANKING_LOSSES: Mapping[str, type[tf.keras.losses.Loss]] = MappingProxyType(
    {"bpr": BPRLoss, "sampled_softmax": SampledSoftmaxLoss}
)
"""How a target's score is compared with those of negatives, by name."""

Features = Mapping[str, tf.Tensor]


class SequentialRecommender(_SaveableModel):
    """Base of models that turn a history into user vectors.

    A subclass implements `call(features) -> (batch, num_vectors, dim)` and
    `item_embeddings`, and sets `stages`. An item's score is the largest of its
    inner products with the user vectors, for every model: one rule for
    training, evaluation and serving.

    Training runs through `model.fit` on batches of `training_dataset`,
    validation on batches of `evaluation_dataset`; `train_step` reports the
    epoch's mean losses and `test_step` hit rate and NDCG at 5, 10 and 20.

    Args:
        loss: "bpr", the paper's, compares a target with the negatives drawn
            for it; "sampled_softmax" with those of the whole batch, of all
            replicas, but where one is the target. Those drawn for others may
            be items that the user met.
        **kwargs: `name` of `tf.keras.Model`.

    Raises:
        ValueError: if `loss` is unknown.

    Example:
    >>> # A recommender that knows only the last item.
    >>> class LastItem(SequentialRecommender):
    ...     def __init__(self, vocabulary_size):
    ...         super().__init__()
    ...         self.items = ItemEmbedding(vocabulary_size)
    ...
    ...     @property
    ...     def item_embeddings(self):
    ...         return self.items.embeddings
    ...
    ...     def call(self, features, training=None):
    ...         return self.items(features["item_ids"][:, -1:])
    """

    stages: tuple[str, ...] = ("pretraining",)

    def __init__(self, *, loss: str = "bpr", **kwargs: Any):
        if loss not in RANKING_LOSSES:
            raise ValueError(
                f"{type(self).__name__}: `loss` must be one of"
                f" {', '.join(RANKING_LOSSES)}. Received: loss={loss!r}"
            )
        super().__init__(**kwargs)
        self.stage = self.stages[0]
        # The results of metrics are those of all replicas already.
        self.distribute_reduction_method = "first"
        self._shares_negatives = loss != "bpr"
        self._ranking_loss = RANKING_LOSSES[loss](
            reduction=tf.keras.losses.Reduction.NONE
        )
        self._loss_trackers = {
            name: tf.keras.metrics.Mean(name) for name in self.loss_names
        }
        self._rank_metrics = [
            metric_class(k=k)
            for metric_class in (HitRate, NDCG)
            for k in CUTOFFS
        ]

    def compile(self, optimizer: Any = "rmsprop", **kwargs: Any) -> None:
        """Configures training; `AdamL2` is the paper's optimizer.

        Args:
            optimizer: an optimizer, or its name; not one of
                `tf.keras.optimizers.legacy`.
            **kwargs: as `tf.keras.Model.compile`, but for losses and metrics:
                the loss is chosen when the model is made, and what is measured
                is fixed.

        Raises:
            ValueError: if losses, metrics, a legacy optimizer or XLA are given.
        """
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if kwargs.get(name) is not None:
                raise ValueError(
                    f"{type(self).__name__}: `compile` must get no `{name}`."
                    f" Received: {name}={kwargs[name]!r}. Choose the loss with"
                    " the model's own `loss`; hit rate and NDCG are measured"
                    " by themselves."
                )
        if kwargs.get("jit_compile"):
            raise ValueError(
                f"{type(self).__name__}: `jit_compile` must be False, for XLA"
                " cannot sort histories by length. Received: jit_compile=True"
            )
        # Names stand for legacy optimizers on some machines.
        optimizer = tf.keras.optimizers.get(optimizer)
        if isinstance(optimizer, tf.keras.optimizers.legacy.Optimizer):
            raise ValueError(
                f"{type(self).__name__}: `optimizer` must not be a legacy one."
                f" Received: optimizer={optimizer!r}. Give one of"
                " tf.keras.optimizers or tfrs_timirec.training, as AdamL2()."
            )
        super().compile(optimizer=optimizer, **kwargs)

    @property
    def metrics(self) -> list[tf.keras.metrics.Metric]:
        """All metrics, first those that `evaluate` returns, then losses."""
        losses = list(self._loss_trackers.values())
        others = [one for one in super().metrics if one not in losses]
        return [*others, *losses]

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses that `train_step` reports."""
        return ("loss",)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What `call` reads: `features` of `training_dataset`, for serving."""
        return ("item_ids",)

    @property
    def item_embeddings(self) -> tf.Tensor:
        """(vocabulary_size, dim) vectors that candidates are scored with."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `item_embeddings`."
        )

    @property
    def stage_variables(self) -> list[tf.Variable]:
        """Trainable variables of the current stage."""
        return self.trainable_variables

    def set_stage(self, stage: str) -> None:
        """Switches to another training stage.

        Inside a running `fit` this takes effect with the next batch: the
        compiled training and evaluation steps are made anew.

        Args:
            stage: one of `stages`.

        Raises:
            ValueError: if the model has no such stage.
        """
        if stage not in self.stages:
            raise ValueError(
                f"{type(self).__name__}: `stage` must be one of {self.stages}."
                f" Received: stage={stage!r}"
            )
        if stage == self.stage:
            return
        self.stage = stage
        for function_name in ("train", "test", "predict"):
            if getattr(self, f"{function_name}_function", None) is not None:
                setattr(self, f"{function_name}_function", None)
                getattr(self, f"make_{function_name}_function")(force=True)

    def score(self, user_vectors: tf.Tensor, item_ids: tf.Tensor) -> tf.Tensor:
        """Scores some items for each user.

        Args:
            user_vectors: (batch, num_vectors, dim).
            item_ids: (batch, num_items) vocabulary ids.

        Returns:
            (batch, num_items) largest inner product with a user vector.
        """
        items = tf.nn.embedding_lookup(self.item_embeddings, item_ids)
        # Mixed precision computes vectors in half, scores in full precision.
        user_vectors = tf.cast(user_vectors, items.dtype)
        scores = tf.matmul(user_vectors, items, transpose_b=True)
        return tf.reduce_max(scores, axis=1)

    def score_range(
        self,
        user_vectors: tf.Tensor,
        start: int | tf.Tensor,
        stop: int | tf.Tensor,
    ) -> tf.Tensor:
        """Scores neighbouring items of the vocabulary, the same for all users.

        Args:
            user_vectors: (batch, num_vectors, dim).
            start: the first id.
            stop: the id behind the last one.

        Returns:
            (batch, stop - start) largest inner product with a user vector.
        """
        items = tf.nn.embedding_lookup(
            self.item_embeddings, tf.range(start, stop)
        )
        return best_scores(user_vectors, items)

    def score_all(self, user_vectors: tf.Tensor) -> tf.Tensor:
        """Scores the whole vocabulary.

        Args:
            user_vectors: (batch, num_vectors, dim).

        Returns:
            (batch, vocabulary_size) largest inner product with a user vector.
        """
        return self.score_range(user_vectors, 0, self.item_embeddings.shape[0])

    def compute_loss(
        self, features: Features, training: bool = False
    ) -> tf.Tensor:
        """Returns the mean loss of a batch, a scalar.

        By default that of the vector that fits the target best (Eq. 2 and 10).

        Args:
            features: a batch of `training_dataset`.
            training: whether dropout is on.
        """
        user_vectors = self(features, training=training)
        scores = self._score_instances(features, user_vectors)
        best = tf.argmax(scores[:, :, 0], axis=1, output_type=tf.int32)
        return self._mean_ranking_loss(tf.gather(scores, best, batch_dims=1))

    def _score_instances(
        self, features: Features, user_vectors: tf.Tensor
    ) -> tf.Tensor:
        """Scores targets and negatives for each vector, unlike `score`.

        Returns:
            (batch, num_vectors, 1 + negatives), the target first.
        """
        target_ids = tf.cast(features["target_id"], tf.int32)[:, tf.newaxis]
        negative_ids = tf.cast(features["negative_ids"], tf.int32)
        if self._shares_negatives:
            if "batch_share" in features:  # One that fills a replica has none.
                is_real = features["batch_share"] > 0
                negative_ids = tf.where(is_real, negative_ids, 0)
            return self._score_shared(target_ids, negative_ids, user_vectors)
        item_ids = tf.concat([target_ids, negative_ids], axis=1)
        items = tf.nn.embedding_lookup(self.item_embeddings, item_ids)
        user_vectors = tf.cast(user_vectors, items.dtype)  # As in `score`.
        return tf.matmul(user_vectors, items, transpose_b=True)

    def _score_shared(
        self,
        target_ids: tf.Tensor,
        negative_ids: tf.Tensor,
        user_vectors: tf.Tensor,
    ) -> tf.Tensor:
        """Scores (batch, 1) targets, and all negatives but 0 and the target."""
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            replica = tf.distribute.get_replica_context()
            negative_ids = replica.all_gather(negative_ids, axis=0)
        items = tf.nn.embedding_lookup(
            self.item_embeddings,
            tf.concat([target_ids, tf.reshape(negative_ids, (-1, 1))], axis=0),
        )
        user_vectors = tf.cast(user_vectors, items.dtype)
        targets, negatives = tf.split(
            items, [tf.shape(target_ids)[0], tf.size(negative_ids)]
        )
        negative_ids = tf.reshape(negative_ids, (1, -1))
        is_none = (negative_ids == target_ids) | (negative_ids == 0)
        return tf.concat(
            [
                tf.matmul(user_vectors, targets, transpose_b=True),
                tf.where(
                    is_none[:, tf.newaxis],
                    items.dtype.min,
                    tf.tensordot(user_vectors, negatives[:, 0], [[2], [1]]),
                ),
            ],
            axis=2,
        )

    def _mean_ranking_loss(self, scores: tf.Tensor) -> tf.Tensor:
        """Mean loss of (batch, 1 + negatives) scores, target first."""
        return batch_mean(self._ranking_loss(scores[:, :1], scores[:, 1:]))

    def train_step(self, features: Features) -> dict[str, tf.Tensor]:
        """Takes one optimizer step; returns the running mean of the losses."""
        features = only_features(type(self).__name__, features)
        names = ("target_id", "negative_ids")
        check_features(
            type(self).__name__, features, names, "`training_dataset`"
        )
        with tf.GradientTape() as tape:
            loss = self.compute_loss(features, training=True)
            if self.losses:
                loss += tf.add_n(self.losses)
            # The optimizer sums the gradients of the replicas.
            replica_loss = loss * batch_share(features)
        with tf.init_scope():  # For all stages, while this one may need less.
            self.optimizer.build(self.trainable_variables)
        self.optimizer.minimize(replica_loss, self.stage_variables, tape=tape)
        self._track("loss", loss, features)
        return {
            name: tracker.result()
            for name, tracker in self._loss_trackers.items()
        }

    def test_step(self, features: Features) -> dict[str, tf.Tensor]:
        """Ranks each target among its candidates; returns the metrics."""
        features = only_features(type(self).__name__, features)
        user_vectors = self(features, training=False)
        return self._update_rank_metrics(features, user_vectors)

    def _track(self, name: str, loss: tf.Tensor, features: Features) -> None:
        """Adds a batch's mean loss to the epoch's, weighted by its size."""
        batch_size = tf.shape(features["item_ids"])[0]
        if "batch_share" in features:
            batch_size = tf.where(features["batch_share"] > 0, batch_size, 0)
        self._loss_trackers[name].update_state(loss, batch_size)

    def _update_rank_metrics(
        self, features: Features, user_vectors: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        ranks = self.candidate_ranks(features, user_vectors)
        for metric in self._rank_metrics:
            metric.update_state(ranks)
        return {metric.name: metric.result() for metric in self._rank_metrics}

    def user_vectors(self, features: Features) -> tf.Tensor:
        """Returns the user vectors of a batch, for ranking.

        Compiled once a stage and length of histories, while calling the model
        traces it every time.

        Args:
            features: a batch of `training_dataset` or `evaluation_dataset`.

        Returns:
            (batch, num_vectors, dim).
        """
        history = {
            name: values
            for name, values in features.items()
            if name not in ("target_id", "negative_ids", "candidate_ids")
        }
        length = history["item_ids"].shape[1]
        return self._user_vectors(f"{self.stage}, {length}", history)

    @tf.function(reduce_retracing=True)
    def _user_vectors(self, traced_for: str, history: Features) -> tf.Tensor:
        return self(history, training=False)

    def candidate_ranks(
        self, features: Features, user_vectors: tf.Tensor
    ) -> tf.Tensor:
        """Ranks the targets of a batch among their sampled candidates.

        Args:
            features: a batch of `evaluation_dataset`.
            user_vectors: (batch, num_vectors, dim).

        Returns:
            (batch,) float32 ranks, 1 is best; see `target_ranks`.

        Raises:
            ValueError: if the batch has no candidates.
        """
        if "candidate_ids" not in features:
            raise ValueError(
                f"{type(self).__name__}: `features` must hold `candidate_ids`."
                f" Received: {', '.join(features)}. Make the batches with"
                ' `evaluation_dataset(..., candidates="sampled")`; to rank in'
                ' the whole catalogue call `rank_held_out(candidates="full")`.'
            )
        candidate_ids = tf.cast(features["candidate_ids"], tf.int32)
        target_ids = tf.cast(features["target_id"], tf.int32)
        item_ids = tf.concat([target_ids[:, tf.newaxis], candidate_ids], axis=1)
        scores = score_in_blocks(self.score, user_vectors, item_ids)
        targets = tf.nn.embedding_lookup(self.item_embeddings, target_ids)
        rounding = score_rounding(user_vectors, targets)
        return target_ranks(scores[:, 0], scores[:, 1:], rounding)
