"""Settings of the simulated world."""

import dataclasses
import math

from tfrs_timirec.datasets.household_tv import themes

from tfrs_timirec._validation import check_non_negative_int, check_positive_int

MIN_INTERACTIONS = 5
"""Every household and every item has at least this many interactions."""

MAX_LENGTH_RATIO = 4.0
"""No household's surplus over the minimum exceeds this many mean surpluses."""


@dataclasses.dataclass(frozen=True)
class HouseholdSettings:
    """Everything that decides what a simulated world looks like.

    Two equal settings give equal worlds, byte for byte.

    Args:
        num_users: Number of households.
        num_items: Number of titles in the catalogue.
        num_interactions: Total number of items watched, over all households.
        num_interests: Number of members of each household; every member
            follows one planted interest.
        seed: Seed of all random draws.
        hazard_slope: How steeply the chance of a switch grows with each item
            of a run, in logits an item.
        hour_effect: Largest influence of the time of day on the chance of a
            switch, in logits. 0 makes the run alone decide.
        continue_probability: Chance that a member goes on with the
            series last watched, if it has an episode left. 0 by default: the
            higher it is, the more of the next item follows from the newest
            ones alone, whatever interest they are of.

    Raises:
        ValueError: If a value is out of its range or the sizes do not fit
            together. `simulate` may find that they do not even so: how often
            an item is watched is drawn.

    Example:
        >>> HouseholdSettings(300, 240, 6000).longest_sequence
        66
    """

    num_users: int
    num_items: int
    num_interactions: int
    num_interests: int = 2
    seed: int = 0
    hazard_slope: float = 2.0
    hour_effect: float = 0.8
    continue_probability: float = 0.0

    def __post_init__(self) -> None:
        check_positive_int(
            "HouseholdSettings",
            num_users=self.num_users,
            num_items=self.num_items,
            num_interactions=self.num_interactions,
            num_interests=self.num_interests,
        )
        check_non_negative_int("HouseholdSettings", seed=self.seed)
        if not 2 <= self.num_interests <= len(themes.THEMES):
            raise ValueError(
                f"`num_interests` must lie between 2 and {len(themes.THEMES)},"
                " the number of themes that the simulator knows."
                f" Received: num_interests={self.num_interests}"
            )
        for name in ("hazard_slope", "hour_effect"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(
                    f"`{name}` must be a finite number from 0 on."
                    f" Received: {name}={getattr(self, name)}"
                )
        if not 0 <= self.continue_probability <= 1:
            raise ValueError(
                "`continue_probability` must lie between 0 and 1. Received:"
                f" continue_probability={self.continue_probability}"
            )
        self._check_sizes()

    def _check_sizes(self) -> None:
        fewest = 2 * MIN_INTERACTIONS * max(self.num_users, self.num_items)
        if self.num_interactions < fewest:
            raise ValueError(
                f"`num_interactions` must be at least {fewest}, so that every"
                f" household and item can have {MIN_INTERACTIONS} and some"
                " have more: raise it, or lower `num_users` and `num_items`."
                f" Received: num_interactions={self.num_interactions}"
            )
        smallest = min(self.items_per_interest)
        if self.longest_sequence > smallest:
            raise ValueError(
                "`num_items` is too small: nothing is watched twice, the"
                f" longest history may have {self.longest_sequence} items, and"
                f" the smallest interest has only {smallest}. Raise"
                " `num_items`, or lower `num_interests` or"
                f" `num_interactions`. Received: num_items={self.num_items}"
            )

    @property
    def mean_patience(self) -> tuple[float, ...]:
        """Run length at which each interest's members tend to give way."""
        return tuple(
            theme.patience for theme in themes.THEMES[: self.num_interests]
        )

    @property
    def items_per_interest(self) -> tuple[int, ...]:
        """Catalogue size of each interest, in proportion to its patience."""
        patience = self.mean_patience
        bounds = [
            round(self.num_items * sum(patience[:k]) / sum(patience))
            for k in range(self.num_interests + 1)
        ]
        return tuple(
            high - low for low, high in zip(bounds, bounds[1:], strict=False)
        )

    @property
    def longest_sequence(self) -> int:
        """Upper bound of the number of items that one household watches."""
        surplus = self.num_interactions / self.num_users - MIN_INTERACTIONS
        return MIN_INTERACTIONS + int(MAX_LENGTH_RATIO * surplus) + 1


TINY = HouseholdSettings(num_users=300, num_items=240, num_interactions=6_000)
SMALL = HouseholdSettings(
    num_users=2_000, num_items=800, num_interactions=60_000
)
CMCC = HouseholdSettings(
    num_users=49_847, num_items=29_074, num_interactions=1_300_351
)
