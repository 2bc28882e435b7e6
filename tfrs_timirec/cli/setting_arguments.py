"""The arguments that change a preset's settings."""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
from typing import Any

from tfrs_timirec.data import Interactions
from tfrs_timirec.experiments import (
    MODEL_NAMES,
    DataSource,
    TrainingSettings,
    preset,
)
from tfrs_timirec.experiments.model_builders import check_settings_of
from tfrs_timirec.experiments.presets import PRESET_NAMES, read_preset

_HELP = {
    "num_interests": "interests of a user (K)",
    "extractor": "self_attentive, dynamic_routing (ComiRec-DR's) or mind;"
    " comirec and timirec only",
    "adaptive_interests": "let short histories have fewer interests; mind only",
    "predictor": "gru, transformer, time_aware (knows when items came, and"
    " what time it is), deepfm (over context) or uniform (the mean of the"
    " interests); timirec and timirec_plus only",
    "context_features": "what deepfm reads besides the items, with commas:"
    " request_timestamp for the time of day, and columns of the data set as"
    " item_genres; of a log of your own, only Python reads more than times",
    "temperature": "distillation temperature (T); timirec and timirec_plus"
    " only",
    "num_projection_layers": "layers of the predictor's perceptron, 1 or 2;"
    " timirec and timirec_plus only",
    "pretraining": "train the extractor alone first; timirec and timirec_plus"
    " only",
    "distillation": "train the predictor with the distillation loss, too;"
    " timirec and timirec_plus only",
    "stop_gradient": "keep that loss from changing its own target; timirec and"
    " timirec_plus only",
    "positions_in_sum": "let positions count in the interests, not only in"
    " their weights; not with _plus",
    "embedding_dim": "size of all vectors (D)",
    "attention_dim": "hidden size of the attention (D_a)",
    "dropout": "rate of the dropout around and in the transformer layer;"
    " sasrec, tisasrec and _plus only",
    "num_hidden_layers": "ReLU layers of the perceptron; youtube_dnn only",
    "num_blocks": "transformer blocks; sasrec and tisasrec only",
    "max_interval": "time intervals from here on are one; tisasrec only",
    "max_history_length": "newest items of a history that are read (n)",
    "loss": "bpr, which compares a target with the negatives drawn for it, or"
    " sampled_softmax, with those of the whole batch",
    "batch_size": "training instances per step",
    "optimizer": "adam_l2, or for large catalogues lazy_adam, which moves the"
    " rows of a batch alone, or rowwise_lazy_adam, which takes less memory",
    "learning_rate": "Adam's step size",
    "finetuning_rate_factor": "what the second stage's step size is of the"
    " first one's; timirec and timirec_plus only",
    "l2": "weight decay",
    "num_negatives": "negatives per training instance",
    "num_evaluation_negatives": "negatives per held-out case",
    "max_epochs": "most epochs of a stage",
    "patience": "epochs without a new best that end a stage",
    "min_epochs": "epochs before ten values without a rise end a stage",
    "steps_per_execution": "steps between two updates of the progress bar;"
    " more is faster, the result is the same",
}

_METAVARS = {int: "N", float: "X", str: "NAME"}


def add_setting_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds one argument a setting.

    Args:
        parser: the verb's parser.
    """
    group = parser.add_argument_group(
        "settings (defaults: the preset of model and data set; the value in"
        " brackets where that says nothing)"
    )
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(TrainingSettings)
    }
    for name, text in _HELP.items():
        default = defaults[name]
        flag = "--" + name.replace("_", "-")
        if isinstance(default, bool):
            group.add_argument(
                flag,
                action=argparse.BooleanOptionalAction,
                help=f"{text} [{'yes' if default else 'no'}]",
            )
        else:
            group.add_argument(
                flag,
                type=type(default),
                metavar=_METAVARS[type(default)],
                help=f"{text} [{_show(default)}]",
            )


def read_settings(
    args: argparse.Namespace, source: DataSource
) -> TrainingSettings:
    """Returns the preset, by name or of a file, with the given changes.

    Args:
        args: the parsed arguments.
        source: the data, whose name the preset may depend on.

    Raises:
        ValueError: if the model is missing or unknown, a setting out of its
            range or none of the model's.
    """
    name = args.preset or PRESET_NAMES[0]
    if name not in PRESET_NAMES:
        path = pathlib.Path(name)
        if not path.is_file():
            raise ValueError(
                f"`preset` must be one of {', '.join(PRESET_NAMES)}, or a"
                f" file, as tuning/…/preset.json. Received: preset={name!r}"
            )
        base = read_preset(path)
        if args.model not in (None, base.model):
            raise ValueError(
                "`model` must be that of the preset file, or left out."
                f" Received: model={args.model!r}, while {args.preset} is of"
                f" {base.model!r}"
            )
    elif args.model is None:
        raise ValueError(
            "`model` must be given where there is no preset file. Received:"
            f" model=None. Choose one of {', '.join(MODEL_NAMES)}."
        )
    else:
        base = preset(args.model, source.dataset_with_config or "", name)
    given = given_settings(args)
    check_settings_of(base.model, given)
    return dataclasses.replace(base, seed=args.seed, **given)


def fit_to_catalogue(
    settings: TrainingSettings,
    interactions: Interactions,
    args: argparse.Namespace,
) -> TrainingSettings:
    """Lets a case of one's own log have no more negatives than there are items.

    More of them would repeat, and the ranks among them come in steps.

    Args:
        settings: the settings.
        interactions: the log.
        args: the parsed arguments; a number that was given stays.
    """
    is_given = args.num_evaluation_negatives is not None
    if is_given or args.interactions is None:
        return settings
    number = min(settings.num_evaluation_negatives, interactions.num_items)
    return dataclasses.replace(settings, num_evaluation_negatives=number)


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Returns the settings that were given, by name.

    Args:
        args: the parsed arguments.
    """
    return {
        name: getattr(args, name)
        for name in _HELP
        if getattr(args, name) is not None
    }


def changed_flags(settings: TrainingSettings) -> str:
    """Returns the flags whose values are not the defaults that help shows.

    Args:
        settings: the settings.
    """
    usual = TrainingSettings(model=settings.model)
    words = []
    for name in _HELP:
        value, flag = getattr(settings, name), name.replace("_", "-")
        if value == getattr(usual, name):
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag} {_show(value)}")
    return " ".join(words)


def _show(default: Any) -> str:
    return default if isinstance(default, str) else f"{default:g}"
