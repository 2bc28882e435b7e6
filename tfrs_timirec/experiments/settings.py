"""What a training run depends on, besides the data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from tfrs_timirec._validation import (
    check_non_negative_int,
    check_positive_int,
    check_rate,
)
from tfrs_timirec.experiments.known_names import check_known
from tfrs_timirec.experiments.model_builders import (
    MODEL_BUILDERS,
    MODEL_NAMES,
    check_settings_of,
    foreign_settings,
)
from tfrs_timirec.experiments.pluggable_parts import (
    EXTRACTOR_NAMES,
    NEEDED_PARTS,
    PREDICTOR_NAMES,
    split_names,
)
from tfrs_timirec.models import RANKING_LOSSES, SequentialRecommender
from tfrs_timirec.training import (
    AdamL2,
    LazyAdam,
    RowwiseLazyAdam,
    StoppingRule,
)

OPTIMIZERS: dict[str, type[AdamL2]] = {
    "adam_l2": AdamL2,
    "lazy_adam": LazyAdam,
    "rowwise_lazy_adam": RowwiseLazyAdam,
}

_SEED_END = 2**31  # What NumPy and TensorFlow both take, also doubled.
_POSITIVE_INTS = (
    "num_interests",
    "num_projection_layers",
    "embedding_dim",
    "attention_dim",
    "num_blocks",
    "max_interval",
    "max_history_length",
    "batch_size",
    "num_negatives",
    "num_evaluation_negatives",
    "max_epochs",
    "patience",
    "min_epochs",
    "steps_per_execution",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Settings of one training run; the defaults are the paper's where it has.

    Args:
        model: one of `MODEL_NAMES`. What only other models have must be left
            at its default.
        seed: seed of weights, order, training and evaluation negatives.
        num_interests: interests (K).
        extractor: "self_attentive", "dynamic_routing" or "mind"; ComiRec and
            TiMiRec without transformer only.
        adaptive_interests: fewer interests for short histories; MIND only.
        predictor: "gru", "transformer", "time_aware", "deepfm" or
            "uniform"; TiMiRec only, as are the next three.
        context_features: what a "deepfm" reads besides the items, separated by
            commas; see `ContextFeatures` for what there is.
        temperature: distillation temperature (T).
        num_projection_layers: layers of the predictor's perceptron.
        pretraining: train the extractor alone first; TiMiRec only, as are the
            next two.
        distillation: train the predictor with the distillation loss, too.
        stop_gradient: keep that loss from changing its own target.
        positions_in_sum: interests sum positions too; without transformer.
        embedding_dim: size of all vectors (D).
        attention_dim: hidden size of the extractor's attention (D_a).
        dropout: rate of the dropout around and in transformer layers; models
            with such a layer only.
        num_hidden_layers: ReLU layers of the perceptron; YouTubeDNN only.
        num_blocks: transformer blocks; SASRec and TiSASRec only.
        max_interval: time intervals from here on are one; TiSASRec only.
        max_history_length: items of a history that are read (n).
        loss: "bpr", the paper's, or "sampled_softmax", which compares a target
            with the negatives of the whole batch.
        batch_size: instances per step.
        optimizer: "adam_l2", the paper's Adam over all rows of a table, or
            "lazy_adam", which touches a batch's rows alone and whose step does
            not grow with the catalogue, or "rowwise_lazy_adam", the same with
            a third less memory; see the classes for the differences.
        learning_rate: Adam's step size.
        finetuning_rate_factor: what the second stage's step size is of the
            first one's; TiMiRec only, and without effect where `pretraining`
            is off.
        l2: weight decay.
        num_negatives: negatives per training instance.
        num_evaluation_negatives: negatives per held-out case.
        max_epochs: most epochs of a stage.
        patience: epochs without a new best that end a stage.
        min_epochs: epochs before ten values without a rise end a stage.
        steps_per_execution: steps that run between two looks at the clock and
            the progress bar; no influence on the result.

    Raises:
        ValueError: if a name is unknown, a number is out of its range, or a
            setting is given that the model or its parts do not have.

    Example:
    >>> TrainingSettings(model="timirec", learning_rate=5e-4).num_interests
    4
    """

    model: str
    seed: int = 0
    num_interests: int = 4
    extractor: str = "self_attentive"
    adaptive_interests: bool = False
    predictor: str = "gru"
    context_features: str = "request_timestamp"
    temperature: float = 0.1
    num_projection_layers: int = 2
    pretraining: bool = True
    distillation: bool = True
    stop_gradient: bool = True
    positions_in_sum: bool = False
    embedding_dim: int = 64
    attention_dim: int = 8
    dropout: float = 0.0
    num_hidden_layers: int = 0
    num_blocks: int = 1
    max_interval: int = 512
    max_history_length: int = 20
    loss: str = "bpr"
    batch_size: int = 256
    optimizer: str = "adam_l2"
    learning_rate: float = 1e-3
    finetuning_rate_factor: float = 1.0
    l2: float = 1e-6
    num_negatives: int = 1
    num_evaluation_negatives: int = 1000
    max_epochs: int = 200
    patience: int = 20
    min_epochs: int = 20
    steps_per_execution: int = 64

    def __post_init__(self) -> None:
        check_known("model", self.model, MODEL_NAMES)
        check_known("loss", self.loss, tuple(RANKING_LOSSES))
        check_known("optimizer", self.optimizer, tuple(OPTIMIZERS))
        check_known("extractor", self.extractor, EXTRACTOR_NAMES)
        check_known("predictor", self.predictor, PREDICTOR_NAMES)
        changed = [
            name
            for name, default in _defaults().items()
            if getattr(self, name) != default
        ]
        check_settings_of(self.model, changed)
        self._check_parts(changed)
        check_positive_int(
            "TrainingSettings",
            **{name: getattr(self, name) for name in _POSITIVE_INTS},
        )
        check_non_negative_int(
            "TrainingSettings",
            seed=self.seed,
            num_hidden_layers=self.num_hidden_layers,
        )
        check_rate("TrainingSettings", dropout=self.dropout)
        self._check_numbers()
        if self.seed >= _SEED_END:
            raise ValueError(
                f"`seed` must lie between 0 and {_SEED_END - 1}. Received:"
                f" seed={self.seed!r}"
            )

    def _check_numbers(self) -> None:
        """Raises a ValueError for a number out of its range."""
        for name in ("learning_rate", "finetuning_rate_factor", "temperature"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(
                    f"`{name}` must be a positive number. Received:"
                    f" {name}={getattr(self, name)!r}"
                )
        if not 0 <= self.l2 < math.inf:
            raise ValueError(
                "`l2` must be a number that is not negative. Received:"
                f" l2={self.l2!r}"
            )
        if self.num_projection_layers > 2:
            raise ValueError(
                "`num_projection_layers` must be 1 or 2. Received:"
                f" num_projection_layers={self.num_projection_layers!r}"
            )

    def _check_parts(self, changed: list[str]) -> None:
        """Raises a ValueError if a setting is of a part that is not chosen."""
        own = MODEL_BUILDERS[self.model].settings
        for name in changed:
            part, value = NEEDED_PARTS.get(name, ("", ""))
            if part in own and getattr(self, part) != value:
                raise ValueError(
                    f"`{name}` must be left at its default without"
                    f" {part}={value!r}, which alone has it. Received:"
                    f" {name}={getattr(self, name)!r} with"
                    f" {part}={getattr(self, part)!r}"
                )

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The attributes of users and items that the model reads."""
        if self.predictor != "deepfm":
            return ()
        names = split_names(self.context_features)
        return tuple(name for name in names if name != "request_timestamp")

    @property
    def stopping_rule(self) -> StoppingRule:
        """When a stage ends."""
        return StoppingRule(
            max_epochs=self.max_epochs,
            patience=self.patience,
            min_epochs=self.min_epochs,
        )

    @property
    def learning_rates(self) -> dict[str, float]:
        """Step sizes of the stages that have one of their own, by stage."""
        factor = self.finetuning_rate_factor
        if factor == 1 or not self.pretraining:
            return {}
        return {"finetuning": factor * self.learning_rate}

    @property
    def of_pretraining(self) -> TrainingSettings | None:
        """Settings of the one-stage model that the first of two stages is.

        TiMiRec's pretraining is ComiRec, to the last digit; None for a model
        of one stage.
        """
        first_stage = MODEL_BUILDERS[self.model].first_stage
        if first_stage is None or not self.pretraining:
            return None
        defaults = _defaults()
        return dataclasses.replace(
            self,
            model=first_stage,
            **{name: defaults[name] for name in foreign_settings(first_stage)},
        )

    def differences(self, other: TrainingSettings) -> list[str]:
        """Returns in what other settings differ, in words.

        `steps_per_execution` does not count: it changes no result.

        Args:
            other: the settings "there"; these are the ones "now".
        """
        return [
            f"{name} ({getattr(other, name)!r} there,"
            f" {getattr(self, name)!r} now)"
            for name in self.names_of_differences(other)
        ]

    def names_of_differences(self, other: TrainingSettings) -> list[str]:
        """Returns the names of the settings that `differences` tells of.

        Args:
            other: the other settings.
        """
        return [
            name
            for name, value in dataclasses.asdict(self).items()
            if name != "steps_per_execution" and getattr(other, name) != value
        ]

    def build_model(
        self,
        vocabulary_size: int,
        attribute_sizes: Mapping[str, int] | None = None,
    ) -> SequentialRecommender:
        """Returns the compiled, untrained model.

        Args:
            vocabulary_size: number of ids, padding and unknown item included.
            attribute_sizes: number of ids of each of the `attribute_names`,
                as `attribute_sizes` of `tfrs_timirec.data` returns them.

        Raises:
            ValueError: if the size of an attribute is missing.
        """
        builder = MODEL_BUILDERS[self.model]
        arguments = {name: getattr(self, name) for name in builder.settings}
        if self.attribute_names:
            sizes = attribute_sizes or {}
            missing = set(self.attribute_names) - set(sizes)
            if missing:
                raise ValueError(
                    "`attribute_sizes` must have all of"
                    f" {', '.join(self.attribute_names)}. Received:"
                    f" attribute_sizes={dict(sizes)!r}"
                )
            arguments["attribute_sizes"] = sizes
        model = builder.make(vocabulary_size, loss=self.loss, **arguments)
        model.compile(
            optimizer=OPTIMIZERS[self.optimizer](
                self.learning_rate, l2=self.l2
            ),
            steps_per_execution=self.steps_per_execution,
        )
        return model


def _defaults() -> dict[str, Any]:
    """Returns the default of every setting."""
    return {
        field.name: field.default
        for field in dataclasses.fields(TrainingSettings)
    }
