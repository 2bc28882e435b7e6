"""Where the verbs print."""

from __future__ import annotations

import rich.console


def make_console(
    *, stderr: bool = False, quiet: bool = False
) -> rich.console.Console:
    """Returns a console that prints ids, titles and paths as they are.

    Rich would take "[bio]" in them for markup and ":star:" for an emoji.

    Args:
        stderr: print to the standard error.
        quiet: print nothing.
    """
    return rich.console.Console(
        stderr=stderr, quiet=quiet, highlight=False, markup=False, emoji=False
    )
