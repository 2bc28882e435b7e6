"""The planted interests: what each is called, when it is watched, and by whom.

All words are invented for this data set; no title is taken from a real one.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Theme:
    """One planted interest.

    Args:
        name: What the interest is called.
        peak_hour: Hour of the day, 0 to 23, at which it is watched most.
        patience: Run length, in items, at which an average household's member
            is as likely to hand over as to go on.
        max_series_length: Episodes of its longest series.
        genres: Genre names, each with the nouns of its titles.
        adjectives: Adjectives of its titles.
    """

    name: str
    peak_hour: int
    patience: float
    max_series_length: int
    genres: dict[str, tuple[str, ...]]
    adjectives: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES = _words(
    "Ada Bruno Cleo Dario Edda Felix Greta Hugo Iris Jonas Kira Leo Mina Nils"
    " Olga Pablo Quinn Rosa Silas Tilda Umberto Vera Wanda Xaver Yara Zeno"
    " Anouk Bela Cosmo Dora"
)

THEMES = (
    Theme(
        name="cartoons",
        peak_hour=16,
        patience=4.0,
        max_series_length=12,
        genres={
            "animal cartoon": _words(
                "Otter Badger Kitten Hedgehog Puffin Tortoise Beaver Squirrel"
                " Donkey Owl"
            ),
            "robot cartoon": _words(
                "Robot Tin-Man Gearbox Rocket Submarine Crane Automaton Engine"
                " Gadget Tractor"
            ),
            "fairy tale": _words(
                "Princess Dragon Wizard Goblin Castle Unicorn Giant Mermaid"
                " Lantern Forest"
            ),
            "school comedy": _words(
                "Classroom Playground Lunchbox Backpack Homework Bus Choir"
                " Treehouse Recess Teacher"
            ),
        },
        adjectives=_words(
            "Bouncy Brave Clumsy Cheerful Curious Dizzy Fluffy Giggling Jolly"
            " Lazy Little Merry Noisy Purple Sleepy Speedy Sticky Tiny Wiggly"
            " Wobbly"
        ),
    ),
    Theme(
        name="movies",
        peak_hour=22,
        patience=2.0,
        max_series_length=10,
        genres={
            "mystery": _words(
                "Lighthouse Alibi Witness Cipher Archive Corridor Suspect"
                " Ledger Verdict Key"
            ),
            "romance": _words(
                "Letter Summer Waltz Orchard Bride Promise Balcony Harvest"
                " Garden Farewell"
            ),
            "action": _words(
                "Convoy Ambush Pursuit Fortress Getaway Frontier Commando"
                " Outpost Raid Bridge"
            ),
            "science fiction": _words(
                "Colony Signal Orbit Eclipse Machine Horizon Airlock Paradox"
                " Comet Android"
            ),
        },
        adjectives=_words(
            "Ashen Borrowed Broken Burning Crimson Distant Empty Fallen"
            " Forgotten Frozen Hidden Last Lost Midnight Quiet Restless Secret"
            " Silent Stolen Winter"
        ),
    ),
    Theme(
        name="sports",
        peak_hour=20,
        patience=3.0,
        max_series_length=10,
        genres={
            "football": _words(
                "Derby Penalty Kickoff Striker Keeper Cup League Final"
            ),
            "cycling": _words(
                "Sprint Climb Breakaway Peloton Stage Descent Tour Pass"
            ),
            "swimming": _words(
                "Relay Medley Lane Dive Butterfly Backstroke Heat"
            ),
        },
        adjectives=_words(
            "Alpine Autumn Big City Coastal Eastern Golden Grand Junior"
            " National Northern Open Royal Silver Southern Western"
        ),
    ),
    Theme(
        name="documentaries",
        peak_hour=10,
        patience=2.5,
        max_series_length=8,
        genres={
            "nature": _words(
                "River Glacier Reef Savanna Marsh Volcano Desert Island"
            ),
            "history": _words(
                "Empire Harbour Dynasty Railway Canal Temple Market"
            ),
            "cooking": _words(
                "Kitchen Bakery Noodle Vineyard Dumpling Spice Feast"
            ),
        },
        adjectives=_words(
            "Ancient Blue Deep Early Great Green High Hungry Living Long"
            " Northern Old Red Vanished Wild Young"
        ),
    ),
)


def series_titles(
    theme: Theme, genre: str, count: int, rng: np.random.Generator
) -> list[str]:
    """Invents titles for the series of one genre.

    Short titles ("The Lost Lighthouse") are used up first, then those with a
    name ("Ada and the Lost Lighthouse"); when all combinations are used up,
    titles repeat.

    Args:
        theme: The planted interest.
        genre: One of the theme's genres.
        count: Number of titles.
        rng: Source of the order of the titles.

    Returns:
        `count` titles.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> len(series_titles(THEMES[1], "mystery", 3, rng))
        3
    """
    phrases = [
        f"{adjective} {noun}"
        for adjective in theme.adjectives
        for noun in theme.genres[genre]
    ]
    short = rng.permutation([f"The {phrase}" for phrase in phrases])
    long = rng.permutation(
        [f"{name} and the {phrase}" for name in NAMES for phrase in phrases]
    )
    pool = [*short.tolist(), *long.tolist()]
    return [pool[i % len(pool)] for i in range(count)]
