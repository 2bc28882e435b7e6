"""TiMiRec: several interests, aggregated by the predicted one."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec.layers import GRUInterestPredictor
from tfrs_timirec.losses import InterestDistillationLoss
from tfrs_timirec.metrics import InterestDistance, JensenShannonDivergence
from tfrs_timirec.models.comirec import ComiRec
from tfrs_timirec.models.feature_specs import (
    check_features,
    empty_features,
    longest_history,
    only_features,
)
from tfrs_timirec.models.scoring import batch_mean, cosines
from tfrs_timirec.models.sequential_recommender import Features


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class TiMiRec(ComiRec):
    r"""Predicts which interest comes next and aggregates the interests by it.

    Two stages (Algorithm 1), which the callback `StagedTraining` runs within
    one `model.fit`:

    - "pretraining": the model is ComiRec, the predictor rests;
    - "finetuning": the user vector is $V\,\mathrm{softmax}(z^q)$ (Eq. 4),
      trained with BPR, by default, plus $T^2$ times the distillation loss
      (Eq. 11).

    The stage is not among the weights: after `load_weights` call
    `set_stage("finetuning")`. `model.save("model.keras")` keeps it, as a run
    folder of `timirec train` does.

    With one interest both stages score alike: TiMiRec is ComiRec then.

    Args:
        vocabulary_size: number of ids, padding and unknown item included; not
            needed with an `extractor` and a `predictor`.
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and interests (D).
        max_history_length: longest history (n); see `extractor` of `ComiRec`.
        temperature: distillation temperature (T).
        num_projection_layers: layers of the predictor's perceptron, 1 or 2.
        pretraining: False leaves the first stage out and trains all of it from
            scratch, "joint train" of Table 4.
        distillation: False leaves the distillation loss out, "attn pooling"
            of Table 3; with a `UniformInterestPredictor` it is "mean pooling".
        stop_gradient: hold the target distribution fixed (Eq. 9); False is
            "w/o stopgrad" of Table 4.
        extractor: a layer of your own; see `ComiRec`.
        predictor: a layer of your own that gives logits (batch,
            num_interests). It is called with item ids (batch, length), or, if
            it has an attribute `feature_names`, with a dict of the features of
            these names; see `feature_spec` for what there is. Takes the place
            of `num_projection_layers`.
        **kwargs: further arguments of `ComiRec`: `attention_dim`,
            `transformer`, `positions_in_sum`, `dropout`, `name`, …

    Raises:
        ValueError: as `ComiRec`, or if an `extractor` comes without a
            `predictor`, or a `predictor` names a feature that there is not.

    Example:
    >>> model = TiMiRec(vocabulary_size=interactions.vocabulary_size)
    >>> model.compile(optimizer=AdamL2(learning_rate=1e-3))
    >>> model.fit(
    ...     training_dataset(split),
    ...     validation_data=evaluation_dataset(split, "validation"),
    ...     epochs=400,
    ...     callbacks=[StagedTraining()],
    ... )

    A predictor that knows the time: batches must hold what it reads.

    >>> model = TiMiRec(
    ...     interactions.vocabulary_size,
    ...     predictor=TimeAwareInterestPredictor(interactions.vocabulary_size),
    ... )
    >>> training_dataset(split, features=model.feature_names)

    Reference: Sections 3.2 to 3.5 of
    [Wang et al., CIKM 2022](https://doi.org/10.1145/3511808.3557464).
    """

    stages: tuple[str, ...] = ("pretraining", "finetuning")

    def __init__(
        self,
        vocabulary_size: int | None = None,
        *,
        num_interests: int = 4,
        embedding_dim: int = 64,
        max_history_length: int = 20,
        temperature: float = 0.1,
        num_projection_layers: int = 2,
        pretraining: bool = True,
        distillation: bool = True,
        stop_gradient: bool = True,
        extractor: tf.keras.layers.Layer | None = None,
        predictor: tf.keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            vocabulary_size,
            num_interests=num_interests,
            embedding_dim=embedding_dim,
            max_history_length=max_history_length,
            extractor=extractor,
            **kwargs,
        )
        if predictor is None:
            if vocabulary_size is None:
                raise ValueError(
                    "TiMiRec: `predictor` must be given with an `extractor`."
                    " Received: predictor=None. Give it a"
                    " `tfrs_timirec.layers.GRUInterestPredictor` with as many"
                    " interests as the extractor has."
                )
            predictor = GRUInterestPredictor(
                vocabulary_size,
                num_interests=num_interests,
                embedding_dim=embedding_dim,
                num_projection_layers=num_projection_layers,
                name="predictor",
            )
        self.predictor: tf.keras.layers.Layer = predictor
        if not pretraining:
            self.stages = ("finetuning",)
            self.stage = "finetuning"
        self._check_same_interests(max_history_length)
        self._distills = distillation
        self._distillation = InterestDistillationLoss(
            temperature=temperature,
            stop_gradient=stop_gradient,
            reduction=tf.keras.losses.Reduction.NONE,
        )
        self._js_divergence = JensenShannonDivergence()
        self._interest_distance = InterestDistance()

    def _check_same_interests(self, max_history_length: int) -> None:
        """Builds the predictor and compares its logits with the interests."""
        self.max_history_length = longest_history(
            max_history_length, self.extractor, self.predictor
        )
        features = empty_features(self.feature_names, self.max_history_length)
        self._save_with(features)
        interests = self.extractor(features["item_ids"]).shape
        logits = self.interest_logits(features).shape
        if logits[-1] != interests[1]:
            raise ValueError(
                "TiMiRec: `predictor` must give one logit for each interest of"
                f" `extractor`. Received: logits of shape {logits}, interests"
                f" of shape {interests}. Make both with the same"
                " `num_interests`."
            )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What `call` reads: item ids, and what the predictor asks for."""
        names = getattr(self.predictor, "feature_names", ())
        return ("item_ids", *(name for name in names if name != "item_ids"))

    def interest_logits(self, features: Features) -> tf.Tensor:
        """Returns the predictor's logits z^q, (batch, num_interests).

        Args:
            features: what `feature_names` says, or more.

        Raises:
            ValueError: if a feature is missing that the predictor reads.
        """
        names = getattr(self.predictor, "feature_names", None)
        if names is None:
            return self.predictor(features["item_ids"])
        check_features("TiMiRec", features, names)
        return self.predictor({name: features[name] for name in names})

    @property
    def temperature(self) -> float:
        """Distillation temperature (T)."""
        return self._distillation.temperature

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses that `train_step` reports."""
        return ("loss", "ranking_loss", "distillation_loss")

    @property
    def stage_variables(self) -> list[tf.Variable]:
        """Trainable variables of the current stage."""
        if self.stage == "pretraining":
            return self.extractor.trainable_variables
        return self.trainable_variables

    def call(
        self,
        features: Features,
        training: bool | None = None,
        return_parts: bool = False,
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        """Returns the user vectors.

        All interests (batch, num_interests, dim) while pretraining, afterwards
        the one vector (batch, 1, dim) that aggregates them. With
        `return_parts` what it is made of: the interests, and the predictor's
        logits (batch, num_interests).
        """
        interests = self.extractor(features["item_ids"])
        if self.stage == "pretraining" and not return_parts:
            return interests
        logits = self.interest_logits(features)
        return (
            (interests, logits)
            if return_parts
            else aggregate(interests, logits)
        )

    def compute_loss(
        self, features: Features, training: bool = False
    ) -> tf.Tensor:
        """Returns the loss of the current stage (Eq. 10 or Eq. 11)."""
        if self.stage == "pretraining":
            loss = super().compute_loss(features, training=training)
            self._track("ranking_loss", loss, features)
            return loss
        interests, logits = self(features, training=training, return_parts=True)
        scores = self._score_instances(features, aggregate(interests, logits))
        ranking_loss = self._mean_ranking_loss(scores[:, 0])
        self._track("ranking_loss", ranking_loss, features)
        if not self._distills:
            return ranking_loss
        similarities = self._target_similarities(features, interests)
        distillation_loss = batch_mean(self._distillation(similarities, logits))
        self._track("distillation_loss", distillation_loss, features)
        return ranking_loss + distillation_loss

    def test_step(self, features: Features) -> dict[str, tf.Tensor]:
        """Ranks each target; when finetuning, also judges the predictor.

        `js_divergence` compares the predicted with the target's interest
        distribution, both at the distillation temperature (Section 4.2),
        `interest_distance` says how far a user's interests lie apart.
        """
        if self.stage == "pretraining":
            return super().test_step(features)
        features = only_features("TiMiRec", features)
        interests, logits = self(features, training=False, return_parts=True)
        similarities = self._target_similarities(features, interests)
        self._js_divergence.update_state(
            tf.nn.softmax(similarities / self.temperature),
            tf.nn.softmax(tf.cast(logits, tf.float32) / self.temperature),
        )
        self._interest_distance.update_state(interests)
        return {
            **self._update_rank_metrics(features, aggregate(interests, logits)),
            "js_divergence": self._js_divergence.result(),
            "interest_distance": self._interest_distance.result(),
        }

    def _target_similarities(
        self, features: Features, interests: tf.Tensor
    ) -> tf.Tensor:
        """Cosine of the target with each interest (Eq. 5), (batch, K)."""
        targets = tf.nn.embedding_lookup(
            self.item_embeddings, features["target_id"]
        )
        return cosines(interests, targets)


def aggregate(interests: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    r"""Returns the one user vector $V\,\mathrm{softmax}(z^q)$ (Eq. 4).

    Args:
        interests: (batch, num_interests, dim), V.
        logits: (batch, num_interests), z^q.

    Returns:
        (batch, 1, dim).

    Example:
    >>> aggregate(tf.constant([[[2.0], [4.0]]]), tf.zeros((1, 2))).numpy()
    array([[[3.]]], dtype=float32)
    """
    weights = tf.cast(tf.nn.softmax(logits), interests.dtype)
    return tf.matmul(weights[:, tf.newaxis], interests)
