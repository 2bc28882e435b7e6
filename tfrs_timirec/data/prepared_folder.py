"""Reads a folder of prepared user sequences."""

from __future__ import annotations

import dataclasses
import os

import tensorflow_datasets as tfds
from etils import epath

from tfrs_timirec.data.cleaning import CleaningOptions
from tfrs_timirec.data.interactions import Interactions


def is_prepared(path: str | os.PathLike[str]) -> bool:
    """Says whether a path is a folder of prepared user sequences.

    Args:
        path: any path.
    """
    return (epath.Path(path) / "features.json").exists()


def load_prepared(
    path: str | os.PathLike[str], cleaning: CleaningOptions | None = None
) -> Interactions:
    """Reads the interactions of a folder that `timirec data prepare` made.

    Args:
        path: the folder; any TFDS folder with the same features will do.
        cleaning: further cleaning rules; by default nothing is removed.

    Raises:
        FileNotFoundError: if there is no such folder, or it is another one.
        ValueError: if the data set lacks a split or a feature.

    Example:
    >>> load_prepared("prepared").num_users
    """
    folder = epath.Path(path)
    if not is_prepared(folder):
        raise FileNotFoundError(
            "`path` must be a folder that `timirec data prepare` made, with a"
            f" features.json in it. Received: path='{folder}'."
        )
    builder = tfds.builder_from_directory(folder)
    interactions = Interactions.from_tfds(builder, cleaning=cleaning)
    return dataclasses.replace(interactions, name=folder.name)
