"""Optimizers between two stages: their state starts anew."""

from __future__ import annotations

import json
import weakref
from typing import Any

import tensorflow as tf

from tfrs_timirec.training.stage_weights import assign

# What a stage set and what it is to be again, while a `fit` runs or where one
# was broken off, which tells no callback.
_staged_rates: weakref.WeakKeyDictionary[Any, tuple[float, float]] = (
    weakref.WeakKeyDictionary()
)


def check_can_be_cleared(optimizer: tf.keras.optimizers.Optimizer) -> None:
    """Raises a ValueError unless an optimizer can go through stages.

    Args:
        optimizer: the optimizer.

    Raises:
        ValueError: if it averages weights, which would take the place of the
            best epoch's, or is Nadam, whose state Keras hides.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if getattr(optimizer, "use_ema", False):
        raise ValueError(
            "StagedTraining: the optimizer must not average weights: the"
            " average would take the place of the best epoch's. Received: an"
            " optimizer with use_ema=True. Leave `use_ema` out."
        )
    if isinstance(optimizer, tf.keras.optimizers.Nadam):
        raise ValueError(
            "StagedTraining: the optimizer must not be Nadam, whose momentum"
            " cannot be cleared for the next stage. Received:"
            f" {optimizer!r}. Take AdamL2 or tf.keras.optimizers.Adam."
        )


def usual_learning_rate(
    optimizer: tf.keras.optimizers.Optimizer,
) -> float | None:
    """Returns an optimizer's step size; None where a schedule decides it.

    That of a stage does not count as such, where a `fit` was broken off.

    Args:
        optimizer: the optimizer.

    Example:
    >>> usual_learning_rate(AdamL2(learning_rate=0.5))
    0.5
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if isinstance(
        inner._learning_rate,
        tf.keras.optimizers.schedules.LearningRateSchedule,
    ):
        return None
    rate = _rate(inner)
    staged, usual = _staged_rates.get(inner, (rate, rate))
    return usual if rate == staged else rate


def optimizer_settings(
    optimizer: tf.keras.optimizers.Optimizer,
) -> dict[str, Any]:
    """Returns what an optimizer was made with, as JSON takes it.

    Args:
        optimizer: the optimizer; the step size of a stage does not count.

    Example:
    >>> optimizer_settings(AdamL2(l2=1e-6))["l2"]
    1e-06
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    settings = inner.get_config() | {"class": type(inner).__name__}
    if (rate := usual_learning_rate(optimizer)) is not None:
        settings["learning_rate"] = rate
    for name in ("name", "jit_compile", "is_legacy_optimizer"):
        settings.pop(name, None)  # Nothing is computed otherwise by them.
    return json.loads(json.dumps(settings, default=str))


def note_usual_learning_rate(
    optimizer: tf.keras.optimizers.Optimizer, usual: float | None
) -> None:
    """Notes that an optimizer's step size is that of a stage.

    Args:
        optimizer: the optimizer.
        usual: what its step size is to be again; None with a schedule.

    Example:
    >>> optimizer.learning_rate = 1e-4
    >>> note_usual_learning_rate(optimizer, 1e-3)
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if usual is not None:
        _staged_rates[inner] = (_rate(inner), usual)


def _rate(inner: tf.keras.optimizers.Optimizer) -> float:
    return float(tf.keras.backend.get_value(inner.learning_rate))


def clear_optimizer(optimizer: tf.keras.optimizers.Optimizer) -> None:
    """Puts an optimizer's state to what it was before the first step.

    Args:
        optimizer: the optimizer, built or not.

    Example:
    >>> clear_optimizer(model.optimizer)
    """
    # Adagrad's and Ftrl's sums of squares do not start at zero.
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    start = getattr(inner, "initial_accumulator_value", 0.0)
    for variable in optimizer.variables:
        assign(
            variable, start if variable.name.startswith("accumulator/") else 0
        )
