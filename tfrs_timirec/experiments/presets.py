"""Named settings, by model and data set, and those of files."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from tfrs_timirec._files import write_json
from tfrs_timirec.experiments.known_names import check_known
from tfrs_timirec.experiments.settings import TrainingSettings

# By model and data set.
_Table = dict[tuple[str, str], dict[str, Any]]

# As the authors' commands have it, for Beauty and MovieLens; the rest of the
# paper's setting is the default of `TrainingSettings`. SASRec's and TiSASRec's
# commands are for another data set; on Beauty's validation cases SASRec does
# better with their rate, too (NDCG@5 0.143 against 0.119 with 1e-3). MIND's
# number of interests is the best of the paper's on validation.
_PAPER: _Table = {
    ("mind", "amazon_beauty"): {"num_interests": 2},
    ("sasrec", "amazon_beauty"): {"learning_rate": 1e-4},
    ("tisasrec", "amazon_beauty"): {"learning_rate": 1e-4},
    ("comirec_plus", "amazon_beauty"): {"learning_rate": 1e-4},
    ("timirec", "amazon_beauty"): {"num_projection_layers": 1},
    ("timirec_plus", "amazon_beauty"): {
        "learning_rate": 1e-4,
        "num_projection_layers": 1,
    },
    ("sasrec", "movielens_sequences/1m"): {"learning_rate": 1e-4},
    ("tisasrec", "movielens_sequences/1m"): {"learning_rate": 1e-4},
    ("comirec_plus", "movielens_sequences/1m"): {
        "learning_rate": 1e-4,
        "num_interests": 2,
    },
    ("timirec_plus", "movielens_sequences/1m"): {
        "learning_rate": 1e-4,
        "num_interests": 2,
        "temperature": 0.5,
    },
}

# Learns in ten epochs more of Beauty than BPR in two hundred. Without weight
# decay rare items keep their length.
_SOFTMAX = {"loss": "sampled_softmax", "l2": 0.0}
_DROPOUT = {"dropout": 0.3}
# A larger step loses what pretraining found before the predictor is of use.
_GENTLE_FINETUNING = {
    "finetuning_rate_factor": 0.1,
    "num_projection_layers": 1,
}

_VALIDATED: dict[str, dict[str, Any]] = {
    "gru4rec": _SOFTMAX,
    "youtube_dnn": _SOFTMAX,
    "mind": _SOFTMAX,
    "comirec": _SOFTMAX,
    "comirec_dr": _SOFTMAX,
    "sasrec": {**_SOFTMAX, **_DROPOUT},
    "tisasrec": {**_SOFTMAX, **_DROPOUT},
    "timirec": {**_SOFTMAX, **_GENTLE_FINETUNING},
    "comirec_plus": {**_SOFTMAX, **_DROPOUT},
    "timirec_plus": {**_SOFTMAX, **_DROPOUT, **_GENTLE_FINETUNING},
}

_HOUSEHOLD_SMALL = {
    "num_interests": 2,
    "embedding_dim": 32,
    "learning_rate": 5e-3,
    "num_negatives": 4,
    "max_epochs": 10,
    "patience": 4,
    "steps_per_execution": 16,
}

_VALIDATED_ON: _Table = {
    ("comirec", "household_tv/small"): _HOUSEHOLD_SMALL,
    ("timirec", "household_tv/small"): {
        **_HOUSEHOLD_SMALL,
        "num_projection_layers": 1,
    },
}


class _Preset(NamedTuple):
    """What a model has on some data, elsewhere, and what all have besides."""

    of_data: _Table
    of_models: dict[str, dict[str, Any]]
    of_all: dict[str, Any]


_PRESETS = {
    "validated": _Preset(_VALIDATED_ON, _VALIDATED, {}),
    "paper": _Preset(_PAPER, {}, {}),
    "large_batch": _Preset(
        _PAPER, {}, {"batch_size": 4096, "learning_rate": 4e-3, "l2": 0.0}
    ),
}

PRESET_NAMES = tuple(_PRESETS)


def preset(
    model: str, dataset: str, name: str = "validated"
) -> TrainingSettings:
    """Returns the settings for a model on a data set.

    "validated" is what did best on the validation cases of Beauty, and on those
    of MovieLens 100K better than the paper's setting or as well. On
    `household_tv/small` "comirec" and "timirec" alone have quicker settings,
    those of `timirec demo`; compare all models there by "paper".
    "paper" is the setting of the paper and of its authors' commands, for other
    data the defaults of `TrainingSettings`. "large_batch" is the paper's in
    batches of 4,096, with a larger step and without weight decay, at little
    loss where it was tried: with "comirec" and "timirec" on Beauty.

    Args:
        model: name of a model, as "timirec_plus".
        dataset: name of a data set, as "amazon_beauty" or
            "household_tv/small".
        name: one of `PRESET_NAMES`.

    Raises:
        ValueError: if `model` or `name` is unknown.

    Example:
    >>> preset("timirec_plus", "amazon_beauty", "paper").learning_rate
    0.0001
    """
    check_known("preset", name, PRESET_NAMES)
    chosen = _PRESETS[name]
    elsewhere = chosen.of_models.get(model, {})
    changes = chosen.of_data.get((model, dataset), elsewhere) | chosen.of_all
    return TrainingSettings(model=model, **changes)


def read_preset(path: pathlib.Path) -> TrainingSettings:
    """Returns the settings of a preset file, as `timirec tune` writes it.

    Args:
        path: a JSON file with `model` and `settings`; what it says besides is
            for people.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no preset, or a setting is unknown or bad.
    """
    try:
        content = json.loads(path.read_text())
        model, settings = content["model"], dict(content["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            "`preset` must be a JSON file with `model` and `settings`, as"
            f" 'timirec tune' writes it. Received: preset='{path}'"
            f" ({type(error).__name__}: {error})"
        ) from error
    default = TrainingSettings(model=model)
    for name, value in settings.items():
        check_known("settings", name, _tunable())
        wanted = type(getattr(default, name))
        if type(value) is not wanted and (wanted, type(value)) != (float, int):
            raise ValueError(
                f"`{name}` of a preset must be a value of type"
                f" {wanted.__name__}. Received: {name}={value!r} in '{path}'."
            )
    return TrainingSettings(model=model, **settings)


def write_preset(
    path: pathlib.Path, settings: TrainingSettings, notes: Mapping[str, Any]
) -> None:
    """Writes a preset file; only what differs from the defaults.

    Args:
        path: the file.
        settings: the settings; their seed is left out.
        notes: how they came about.
    """
    default = TrainingSettings(model=settings.model)
    changes = {
        name: getattr(settings, name)
        for name in _tunable()
        if getattr(settings, name) != getattr(default, name)
    }
    content = {"model": settings.model, "settings": changes, **notes}
    write_json(path, content)


def _tunable() -> list[str]:
    names = [field.name for field in dataclasses.fields(TrainingSettings)]
    return [name for name in names if name not in ("model", "seed")]
