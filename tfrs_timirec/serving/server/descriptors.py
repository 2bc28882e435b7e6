"""File descriptors, of which every open connection takes one."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
from typing import Any

from tfrs_timirec.serving.server.rare_log import RareLog

_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def raise_descriptor_limit() -> int:
    """Allows this process as many as its user may have; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class ConnectionShortage:
    """Says rarely, as an event loop's handler, that no connection is left.

    The loop itself would log a traceback for each connection that waits, some
    hundred times a second.

    Args:
        log: where to.
        limit: descriptors that the process may have.

    Example:
    >>> loop.set_exception_handler(ConnectionShortage(log, limit=1024))
    """

    def __init__(self, log: logging.Logger, limit: int):
        self._rare_log = RareLog(log)
        self._limit = limit

    def __call__(
        self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """Handles what went wrong; all else is left to the loop.

        Args:
            loop: the loop.
            context: what it knows of the fault.
        """
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _SHORTAGES:
            loop.default_exception_handler(context)
            return
        self._rare_log.warn(
            f"No new connection can be taken: {error.strerror}. This process"
            f" may have {self._limit:,} files and connections; close idle"
            " ones, or raise 'ulimit -n'."
        )
