"""Reads a folder of prepared user sequences."""

from __future__ import annotations

import dataclasses
import json
import os

import tensorflow_datasets as tfds
from etils import epath

from tfrs_timirec.data.cleaning import (
    TIE_RULES,
    CleaningOptions,
    CleaningReport,
)
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

    Its order is final: equal times were ordered by the preparation, which knew
    their parts of a second, and `report.options.ties` says how. What it met,
    changed or removed is `report.preparation`.

    Args:
        path: the folder; any TFDS folder with the same features will do.
        cleaning: further cleaning rules; by default nothing is removed. Leave
            `ties` out, or give that of the preparation.

    Raises:
        FileNotFoundError: if there is no such folder, or it is another one.
        ValueError: if the data set lacks a split or a feature, `ties` is
            another than that of the preparation, or preparation.json is broken.

    Example:
    >>> load_prepared("prepared").num_users
    """
    folder = epath.Path(path)
    if not is_prepared(folder):
        raise FileNotFoundError(
            "`path` must be a folder that `timirec data prepare` made, with a"
            f" features.json in it. Received: path='{folder}'."
        )
    cleaning = cleaning or CleaningOptions()
    preparation = _read_preparation(folder)
    ties = preparation and preparation.options.ties
    if ties is not None:
        if cleaning.ties not in {TIE_RULES[0], ties}:
            raise ValueError(
                "`ties` of a prepared folder must be that of its preparation."
                f" Received: ties={cleaning.ties!r} for '{folder}', which was"
                f" prepared with {ties!r}. Leave it out, or prepare the log"
                f" with --ties {cleaning.ties}."
            )
        cleaning = dataclasses.replace(cleaning, ties=TIE_RULES[0])
    builder = tfds.builder_from_directory(folder)
    interactions = Interactions.from_tfds(builder, cleaning=cleaning)
    report = dataclasses.replace(
        interactions.report,
        options=dataclasses.replace(cleaning, ties=ties or cleaning.ties),
        preparation=preparation,
    )
    return dataclasses.replace(interactions, name=folder.name, report=report)


def _read_preparation(folder: epath.Path) -> CleaningReport | None:
    """Returns the preparation's report; None for other TFDS folders."""
    file = folder / "preparation.json"
    if not file.exists():
        return None
    try:
        report = dict(json.loads(file.read_text())["report"])
        options = CleaningOptions(**report.pop("options"))
        return CleaningReport(options=options, **report)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            "preparation.json must say how the folder was prepared. Received:"
            f" '{file}', which does not ({error!r}). Prepare the log again."
        ) from error
