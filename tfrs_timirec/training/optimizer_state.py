"""Optimizers between two stages: their state starts anew."""

from __future__ import annotations

import tensorflow as tf

from tfrs_timirec.training.stage_weights import assign


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


def settable_learning_rate(
    optimizer: tf.keras.optimizers.Optimizer,
) -> float | None:
    """Returns an optimizer's step size; None where a schedule decides it.

    Args:
        optimizer: the optimizer.

    Example:
    >>> settable_learning_rate(AdamL2(learning_rate=0.5))
    0.5
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if isinstance(inner.get_config()["learning_rate"], dict):
        return None
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
