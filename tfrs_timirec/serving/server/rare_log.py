"""A log that says the same thing once a minute."""

from __future__ import annotations

import logging
import time


class RareLog:
    """Logs a warning, and for a minute only counts those that follow.

    What happens with every request of a flood would fill a disk.

    Args:
        log: where to.
        pause_seconds: from one line to the next.

    Example:
    >>> refused = RareLog(logging.getLogger(__name__))
    >>> refused.warn("The queue is full")  # Logged.
    >>> refused.warn("The queue is full")  # Counted.
    """

    def __init__(self, log: logging.Logger, pause_seconds: float = 60.0):
        self._log = log
        self._pause_seconds = pause_seconds
        self._next = -float("inf")
        self._num_left_out = 0

    def warn(self, message: str) -> None:
        """Logs a line, if the last one was long enough ago.

        Args:
            message: what happened.
        """
        now = time.monotonic()
        if now < self._next:
            self._num_left_out += 1
            return
        self._next = now + self._pause_seconds
        count = f" (and {self._num_left_out:,} more since the last line)"
        self._log.warning("%s%s", message, count * bool(self._num_left_out))
        self._num_left_out = 0
