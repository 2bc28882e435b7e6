"""When a training stage has learned enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfrs_timirec._validation import check_positive_int


@dataclasses.dataclass(frozen=True)
class StoppingRule:
    """Ends a stage by its validation values; the defaults are the authors'.

    A stage ends after `max_epochs`, after `patience` epochs without a new
    best, or, once more than `min_epochs` have passed, when the last `decline`
    values never rose.

    Args:
        max_epochs: most epochs of a stage.
        patience: epochs without a new best.
        min_epochs: epochs before `decline` counts.
        decline: number of values in a row that do not rise, at least 2.

    Raises:
        ValueError: if a number is not a positive integer, or `decline` is 1:
            a single value neither rises nor falls.

    Example:
    >>> StoppingRule(patience=2).should_stop([0.3, 0.2, 0.1])
    True
    """

    max_epochs: int = 200
    patience: int = 20
    min_epochs: int = 20
    decline: int = 10

    def __post_init__(self) -> None:
        check_positive_int("StoppingRule", **dataclasses.asdict(self))
        if self.decline < 2:
            raise ValueError(
                "StoppingRule: `decline` must be at least 2."
                f" Received: decline={self.decline}"
            )

    def should_stop(self, values: Sequence[float]) -> bool:
        """Returns whether a stage with these values, one an epoch, ends."""
        if not values:
            return False
        if len(values) >= self.max_epochs:
            return True
        since_best = len(values) - 1 - values.index(max(values))
        if since_best >= self.patience:
            return True
        last = values[-self.decline :]
        return len(values) > max(self.min_epochs, self.decline - 1) and all(
            later <= earlier
            for earlier, later in zip(last, last[1:], strict=False)
        )
