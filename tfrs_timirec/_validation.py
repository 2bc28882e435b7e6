"""Checks of constructor arguments, with one wording for all classes."""

from __future__ import annotations


def check_positive_int(owner: str, **arguments: int) -> None:
    """Raises a ValueError unless every argument is an integer above zero.

    Args:
        owner: class that takes the arguments; the message starts with it.
        **arguments: values by argument name.

    Raises:
        ValueError: naming the first argument that breaks the rule.
    """
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(
                f"{owner}: `{name}` must be a positive integer."
                f" Received: {name}={value!r}"
            )
