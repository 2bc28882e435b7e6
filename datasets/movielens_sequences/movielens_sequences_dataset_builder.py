"""TFDS builder of `movielens_sequences`: ratings of films in order of time."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import tensorflow_datasets as tfds
from etils import epath

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.raw_files import RawFile, bad_line, read_zip_lines
from tfrs_timirec.datasets.sequence_builder import RawLog, SequenceBuilder

_URL = "https://files.grouplens.org/datasets/movielens/{name}.zip"
_ENCODING = "latin-1"

# The genre flags of ml-100k/u.item, in the order of its columns.
_GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy"),
    *("Crime", "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror"),
    *("Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_FLAGS_START = 5  # After id, title, release date, video release date and URL.


@dataclasses.dataclass(eq=False, kw_only=True)
class MovielensConfig(tfds.core.BuilderConfig):
    """One of GroupLens's stable data sets.

    Args:
        name: Name of the config.
        archive: Name of the zip file and of the folder inside, as "ml-1m".
        ratings: Name of the file of ratings inside.
        films: Name of the file of films inside.
        delimiter: Between the values of a rating.
    """

    archive: str
    ratings: str
    films: str
    delimiter: str


class Builder(SequenceBuilder):
    """Builds `movielens_sequences` from a zip file of GroupLens."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Where the download does not work, get ml-100k.zip or ml-1m.zip from"
        " https://grouplens.org/datasets/movielens/ and put it, as it is, in"
        " the manual directory."
    )
    HOMEPAGE = "https://grouplens.org/datasets/movielens/"
    ID_DTYPE = np.int64
    STEP_DTYPES = {"ratings": np.float32}
    WITH_GENRES = True
    BUILDER_CONFIGS = [
        MovielensConfig(
            name="100k",
            description="100,000 ratings of 1,682 films by 943 users.",
            archive="ml-100k",
            ratings="u.data",
            films="u.item",
            delimiter="\t",
        ),
        MovielensConfig(
            name="1m",
            description="1,000,209 ratings of 3,706 films by 6,040 users.",
            archive="ml-1m",
            ratings="ratings.dat",
            films="movies.dat",
            delimiter="::",
        ),
    ]
    builder_config: MovielensConfig

    @property
    def raw_files(self) -> tuple[RawFile, ...]:
        """The zip file."""
        name = self.builder_config.archive
        return (RawFile((f"{name}.zip",), _URL.format(name=name)),)

    def read_log(self, *paths: epath.Path) -> RawLog:
        """Reads the ratings, and the titles and genres of the films rated."""
        (path,) = paths
        config = self.builder_config
        interactions = _read_ratings(
            path, f"{config.archive}/{config.ratings}", config.delimiter
        )
        titles, genres = {}, {}
        parse = _parse_100k if config.name == "100k" else _parse_1m
        films = f"{config.archive}/{config.films}"
        for line, text in read_zip_lines(path, films, _ENCODING):
            try:
                film, title, film_genres = parse(text)
            except ValueError as error:
                raise bad_line(
                    f"{path}:{films}", line, "be id, title and genres", text
                ) from error
            titles[film] = title
            genres[film] = film_genres
        return RawLog(interactions, titles, genres)


def _read_ratings(
    path: epath.Path, member: str, delimiter: str
) -> Interactions:
    frame = pd.DataFrame(
        _parse_ratings(path, member, delimiter),
        columns=["user_id", "item_id", "ratings", "timestamp"],
    )
    if frame.empty:
        raise ValueError(
            f"{path} must hold ratings. Received: an empty {member}. Delete it"
            " and download it again."
        )
    return Interactions.from_dataframe(
        frame, name="movielens_sequences", extra_columns=["ratings"]
    )


def _parse_ratings(
    path: epath.Path, member: str, delimiter: str
) -> Iterator[tuple[int, int, float, int]]:
    for line, text in read_zip_lines(path, member, _ENCODING):
        try:
            user, film, rating, time = text.split(delimiter)
            values = int(user), int(film), float(rating), int(time)
        except ValueError as error:
            raise bad_line(
                f"{path}:{member}",
                line,
                "be user, film, rating and time",
                text,
            ) from error
        yield values


def _parse_100k(text: str) -> tuple[int, str, list[str]]:
    values = text.split("|")
    flags = values[_FLAGS_START:]
    genres: list[Any] = [
        genre
        for genre, flag in zip(_GENRES_100K, flags, strict=True)
        if int(flag)
    ]
    return int(values[0]), values[1], genres


def _parse_1m(text: str) -> tuple[int, str, list[str]]:
    film, title, genres = text.split("::")
    return int(film), title, genres.split("|")
