"""Checks of constructor arguments, with one wording for all classes."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any


def check_positive_int(owner: str, **arguments: int) -> None:
    """Raises a ValueError unless every argument is an integer above zero.

    Args:
        owner: class that takes the arguments; the message starts with it.
        **arguments: values by argument name.

    Raises:
        ValueError: naming the first argument that breaks the rule.
    """
    _check_ints(owner, 1, "a positive integer", arguments)


def check_non_negative_int(owner: str, **arguments: int) -> None:
    """Raises a ValueError unless every argument is an integer, 0 or more.

    Args:
        owner: class that takes the arguments; the message starts with it.
        **arguments: values by argument name.

    Raises:
        ValueError: naming the first argument that breaks the rule.
    """
    _check_ints(owner, 0, "an integer that is not negative", arguments)


def check_no_text(owner: str, **arguments: Sequence[str]) -> None:
    """Raises a ValueError if an argument is one text instead of several.

    Args:
        owner: what takes the arguments; the message starts with it.
        **arguments: values by argument name.

    Raises:
        ValueError: naming the first argument that breaks the rule.
    """
    for name, value in arguments.items():
        if isinstance(value, str):
            raise ValueError(
                f"{owner}: `{name}` must be a sequence of texts. Received:"
                f" {name}={value!r}. Write [{value!r}]."
            )


def check_rate(owner: str, **arguments: float) -> None:
    """Raises a ValueError unless every argument is a share below one.

    Args:
        owner: class that takes the arguments; the message starts with it.
        **arguments: values by argument name.

    Raises:
        ValueError: naming the first argument that breaks the rule.
    """
    for name, value in arguments.items():
        if not 0 <= value < 1:
            raise ValueError(
                f"{owner}: `{name}` must lie in [0, 1)."
                f" Received: {name}={value!r}"
            )


def check_history_length(
    owner: str, length: int | None, max_history_length: int
) -> None:
    """Raises a ValueError if histories are longer than a layer can read.

    Args:
        owner: class that reads them; the message starts with it.
        length: number of places of a batch's histories; None if unknown.
        max_history_length: the class's argument.

    Raises:
        ValueError: if `length` is larger than `max_history_length`.
    """
    if length is not None and length > max_history_length:
        raise ValueError(
            f"{owner}: a history must not be longer than `max_history_length`"
            f" ({max_history_length}). Received: histories of {length} places."
            " Keep the newest items, or make the layer with a larger"
            " `max_history_length`."
        )


def known_length(name: str, shape: Sequence[int | None]) -> int:
    """Returns the number of places of a batch of sequences.

    Args:
        name: of the batch, for the message.
        shape: (batch, length), as a tensor tells it.

    Raises:
        ValueError: if the length is unknown.
    """
    if shape[1] is None:
        raise ValueError(
            f"`{name}` must have a known length, the size of axis 1. Received:"
            f" shape {shape}. Pad histories to one length; where a Python"
            " generator or a keras.utils.Sequence makes the batches, give it"
            " to tf.data.Dataset.from_generator with an `output_signature`"
            " that says the length."
        )
    return shape[1]


def _check_ints(
    owner: str, smallest: int, rule: str, arguments: Mapping[str, Any]
) -> None:
    for name, value in arguments.items():
        is_integer = isinstance(value, numbers.Integral)
        if isinstance(value, bool) or not is_integer or value < smallest:
            raise ValueError(
                f"{owner}: `{name}` must be {rule}. Received: {name}={value!r}"
            )
