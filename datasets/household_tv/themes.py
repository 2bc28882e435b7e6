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


NAMES = tuple(
    "Ada Bruno Cleo Dario Edda Felix Greta Hugo Iris Jonas Kira Leo Mina Nils"
    " Olga Pablo Quinn Rosa Silas Tilda Umberto Vera Wanda Xaver Yara Zeno"
    " Anouk Bela Cosmo Dora".split()
)

THEMES = (
    Theme(
        name="cartoons",
        peak_hour=16,
        patience=4.0,
        max_series_length=12,
        genres={
            "animal cartoon": tuple(
                "Otter Badger Kitten Hedgehog Puffin Tortoise Beaver Squirrel"
                " Donkey Owl".split()
            ),
            "robot cartoon": tuple(
                "Robot Tin-Man Gearbox Rocket Submarine Crane Automaton Engine"
                " Gadget Tractor".split()
            ),
            "fairy tale": tuple(
                "Princess Dragon Wizard Goblin Castle Unicorn Giant Mermaid"
                " Lantern Forest".split()
            ),
            "school comedy": tuple(
                "Classroom Playground Lunchbox Backpack Homework Bus Choir"
                " Treehouse Recess Teacher".split()
            ),
        },
        adjectives=tuple(
            "Bouncy Brave Clumsy Cheerful Curious Dizzy Fluffy Giggling Jolly"
            " Lazy Little Merry Noisy Purple Sleepy Speedy Sticky Tiny Wiggly"
            " Wobbly".split()
        ),
    ),
    Theme(
        name="movies",
        peak_hour=22,
        patience=2.0,
        max_series_length=5,
        genres={
            "mystery": tuple(
                "Lighthouse Alibi Witness Cipher Archive Corridor Suspect"
                " Ledger Verdict Key".split()
            ),
            "romance": tuple(
                "Letter Summer Waltz Orchard Bride Promise Balcony Harvest"
                " Garden Farewell".split()
            ),
            "action": tuple(
                "Convoy Ambush Pursuit Fortress Getaway Frontier Commando"
                " Outpost Raid Bridge".split()
            ),
            "science fiction": tuple(
                "Colony Signal Orbit Eclipse Machine Horizon Airlock Paradox"
                " Comet Android".split()
            ),
        },
        adjectives=tuple(
            "Ashen Borrowed Broken Burning Crimson Distant Empty Fallen"
            " Forgotten Frozen Hidden Last Lost Midnight Quiet Restless Secret"
            " Silent Stolen Winter".split()
        ),
    ),
    Theme(
        name="sports",
        peak_hour=20,
        patience=3.0,
        max_series_length=8,
        genres={
            "football": tuple(
                "Derby Penalty Kickoff Striker Keeper Cup League Final".split()
            ),
            "cycling": tuple(
                "Sprint Climb Breakaway Peloton Stage Descent Tour Pass".split()
            ),
            "swimming": tuple(
                "Relay Medley Lane Dive Butterfly Backstroke Heat".split()
            ),
        },
        adjectives=tuple(
            "Alpine Autumn Big City Coastal Eastern Golden Grand Junior"
            " National Northern Open Royal Silver Southern Western".split()
        ),
    ),
    Theme(
        name="documentaries",
        peak_hour=10,
        patience=2.5,
        max_series_length=6,
        genres={
            "nature": tuple(
                "River Glacier Reef Savanna Marsh Volcano Desert Island".split()
            ),
            "history": tuple(
                "Empire Harbour Dynasty Railway Canal Temple Market".split()
            ),
            "cooking": tuple(
                "Kitchen Bakery Noodle Vineyard Dumpling Spice Feast".split()
            ),
        },
        adjectives=tuple(
            "Ancient Blue Deep Early Great Green High Hungry Living Long"
            " Northern Old Red Vanished Wild Young".split()
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
