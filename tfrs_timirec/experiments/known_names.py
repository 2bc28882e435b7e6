"""Names that must be known, and what to say when one is not."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def check_known(argument: str, value: str, known: Sequence[str]) -> None:
    """Raises a ValueError with the closest match unless a name is known.

    Args:
        argument: name of the argument, for the message.
        value: the name that was given.
        known: the names that there are.

    Raises:
        ValueError: listing the known names, after the closest one if one is
            close.

    Example:
    >>> check_known("model", "timrec", ("comirec", "timirec"))
    Traceback (most recent call last):
        ...
    ValueError: `model` must be one of comirec, timirec. Received:
    model='timrec'. Did you mean timirec?
    """
    if value in known:
        return
    close = difflib.get_close_matches(value, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise ValueError(
        f"`{argument}` must be one of {', '.join(known)}."
        f" Received: {argument}={value!r}.{hint}"
    )
