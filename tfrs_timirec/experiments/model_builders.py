"""Models by name: how each is made, and which settings it has."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from tfrs_timirec.experiments.pluggable_parts import make_comirec, make_timirec
from tfrs_timirec.models import (
    MIND,
    ComiRec,
    GRU4Rec,
    SASRec,
    SequentialRecommender,
    TiSASRec,
    YouTubeDNN,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelBuilder:
    """What the name of a model stands for.

    Args:
        make: makes the model, called with the size of the vocabulary and,
            by name, the values of `settings`.
        settings: names of the fields of `TrainingSettings` that shape it.
        first_stage: name of the model that its first stage is, if it has two.
        training_settings: names of those that only its training reads.
    """

    make: Callable[..., SequentialRecommender]
    settings: tuple[str, ...]
    first_stage: str | None = None
    training_settings: tuple[str, ...] = ()

    @property
    def all_settings(self) -> tuple[str, ...]:
        """Names of what not every model has."""
        return (*self.settings, *self.training_settings)


_SELF_ATTENTION = (
    "num_interests",
    "embedding_dim",
    "attention_dim",
    "max_history_length",
)
_COMIREC_PLUS = (*_SELF_ATTENTION, "dropout")
_COMIREC = (
    *_SELF_ATTENTION,
    "positions_in_sum",
    "extractor",
    "adaptive_interests",
)
_CAPSULES = ("num_interests", "embedding_dim", "max_history_length")
_FINETUNING = (
    "predictor",
    "context_features",
    "temperature",
    "num_projection_layers",
    "pretraining",
    "distillation",
    "stop_gradient",
)
_SASREC = ("embedding_dim", "max_history_length", "num_blocks", "dropout")

# In the order of the paper's Table 2.
# A new system takes an entry here and, if it has a setting of its own, a field
# in `TrainingSettings` with a line of help in `cli/setting_arguments.py`.
MODEL_BUILDERS: Mapping[str, ModelBuilder] = MappingProxyType(
    {
        "gru4rec": ModelBuilder(make=GRU4Rec, settings=("embedding_dim",)),
        "youtube_dnn": ModelBuilder(
            make=YouTubeDNN, settings=("embedding_dim", "num_hidden_layers")
        ),
        "mind": ModelBuilder(
            make=MIND, settings=(*_CAPSULES, "adaptive_interests")
        ),
        "comirec": ModelBuilder(make=make_comirec, settings=_COMIREC),
        "comirec_dr": ModelBuilder(
            make=functools.partial(make_comirec, extractor="dynamic_routing"),
            settings=_CAPSULES,
        ),
        "timirec": ModelBuilder(
            make=make_timirec,
            settings=(*_COMIREC, *_FINETUNING),
            first_stage="comirec",
            training_settings=("finetuning_rate_factor",),
        ),
        "sasrec": ModelBuilder(make=SASRec, settings=_SASREC),
        "tisasrec": ModelBuilder(
            make=TiSASRec, settings=(*_SASREC, "max_interval")
        ),
        "comirec_plus": ModelBuilder(
            make=functools.partial(ComiRec, transformer=True),
            settings=_COMIREC_PLUS,
        ),
        "timirec_plus": ModelBuilder(
            make=functools.partial(make_timirec, transformer=True),
            settings=(*_COMIREC_PLUS, *_FINETUNING),
            first_stage="comirec_plus",
            training_settings=("finetuning_rate_factor",),
        ),
    }
)
MODEL_NAMES: tuple[str, ...] = tuple(MODEL_BUILDERS)

# Histories are cut to it, whether or not a model has weights for its places.
_OF_EVERY_RUN = frozenset({"max_history_length"})


def foreign_settings(model: str) -> frozenset[str]:
    """Returns the settings that only other models have.

    Args:
        model: one of `MODEL_NAMES`.

    Example:
    >>> "temperature" in foreign_settings("comirec")
    True
    """
    known = {
        name
        for builder in MODEL_BUILDERS.values()
        for name in builder.all_settings
    }
    return frozenset(known - _OF_EVERY_RUN) - set(
        MODEL_BUILDERS[model].all_settings
    )


def check_settings_of(model: str, names: Iterable[str]) -> None:
    """Raises a ValueError if a setting says nothing about a model.

    Args:
        model: one of `MODEL_NAMES`.
        names: names of settings.

    Raises:
        ValueError: naming the first such setting, and the models that have it.
    """
    foreign = foreign_settings(model)
    for name in names:
        if name in foreign:
            owners = [
                owner
                for owner, builder in MODEL_BUILDERS.items()
                if name in builder.all_settings
            ]
            raise ValueError(
                f"`{name}` must be a setting of the model; only"
                f" {', '.join(owners)} have it. Received: {name} with"
                f" model={model!r}. Leave it out, or choose another model."
            )
