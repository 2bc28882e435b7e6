"""TFDS builder of `amazon_beauty`: Amazon reviews of beauty products."""

import ast
import html
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd
import tensorflow_datasets as tfds
from etils import epath

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.raw_files import RawFile, bad_line, read_gzip_lines
from tfrs_timirec.datasets.sequence_builder import RawLog, SequenceBuilder

_URL = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/{name}"
_REVIEWS = "reviews_Beauty_5.json.gz"
_METADATA = "meta_Beauty.json.gz"

# How a line of the official metadata file begins.
_FIRST_KEY = re.compile(r"""\{['"]asin['"]: ['"]([^'"\\]+)['"]""")


class Builder(SequenceBuilder):
    """Builds `amazon_beauty` from the 5-core reviews and the metadata."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Where the download does not work, get {_REVIEWS} and {_METADATA}"
        f" (the 5-core and the metadata of Beauty) from {_URL.format(name='')}"
        " and put them in the manual directory."
    )
    HOMEPAGE = "https://snap.stanford.edu/data/amazon/productGraph/"

    @property
    def raw_files(self) -> tuple[RawFile, ...]:
        """The reviews and the metadata."""
        return tuple(
            RawFile((name,), _URL.format(name=name))
            for name in (_REVIEWS, _METADATA)
        )

    def read_log(self, *paths: epath.Path) -> RawLog:
        """Reads the reviews, and the titles of the items reviewed."""
        reviews, metadata = paths
        interactions = _read_reviews(reviews)
        titles = _read_titles(metadata, set(interactions.items))
        return RawLog(interactions, titles)


def _read_reviews(path: epath.Path) -> Interactions:
    rows = []
    for line, text in read_gzip_lines(path):
        review = _parse(path, line, text)
        user, item, time = _fields(
            path,
            line,
            review,
            {"reviewerID": str, "asin": str, "unixReviewTime": int},
        )
        if not user or not item or time < 0:
            raise bad_line(
                path, line, "have ids and a time that is not negative", text
            )
        rows.append((user, item, time))
    if not rows:
        raise ValueError(
            f"{path} must hold reviews. Received: an empty file. Delete it and"
            " download it again."
        )
    return Interactions.from_dataframe(
        pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]),
        name="amazon_beauty",
    )


def _read_titles(path: epath.Path, reviewed: Collection[str]) -> dict[str, str]:
    titles: dict[str, str] = {}
    for line, text in read_gzip_lines(path):
        # The official file lists 21 times as many items as are reviewed:
        # parsing them all would take most of the time.
        first_key = _FIRST_KEY.match(text)
        if first_key and first_key[1] not in reviewed:
            continue
        product = _parse(path, line, text)
        (item,) = _fields(path, line, product, {"asin": str})
        if item in reviewed and isinstance(product.get("title"), str):
            titles.setdefault(item, html.unescape(product["title"]))
    return titles


def _parse(path: epath.Path, line: int, text: str) -> dict[str, Any]:
    """Parses JSON, or the Python literals of Amazon's "loose JSON"."""
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, dict):
            return value
    raise bad_line(path, line, "be one JSON object", text)


def _fields(
    path: epath.Path, line: int, value: dict[str, Any], types: dict[str, type]
) -> Iterator[Any]:
    for key, expected in types.items():
        if type(value.get(key)) is not expected:
            raise bad_line(
                path,
                line,
                f"have a key {key!r} of type {expected.__name__}",
                f"{key}={value[key]!r}" if key in value else str(list(value)),
            )
        yield value[key]
