"""Export of a trained model as a SavedModel with a model card."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pathlib
from collections.abc import Iterator, Mapping

import pandas as pd
import tensorflow as tf

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.splits import LeaveOneOut
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.serving.batch_padding import (
    BATCH_PADDING_FILE,
    batch_padding,
)
from tfrs_timirec.serving.compact_table import Storage
from tfrs_timirec.serving.model_card import write_model_card
from tfrs_timirec.serving.model_view import check_weights
from tfrs_timirec.serving.publishing import draft_version
from tfrs_timirec.serving.recommender_module import RecommenderModule
from tfrs_timirec.serving.storage_loss import measure_storage_loss
from tfrs_timirec.serving.warmup import write_warmup_requests

TITLES_FILE = pathlib.PurePath("assets.extra", "item_titles.csv.gz")


def export(
    model: SequentialRecommender,
    interactions: Interactions,
    path: str | os.PathLike[str],
    *,
    max_history_length: int | None = None,
    storage: Storage = "float32",
    category: str | None = None,
    max_k: int = 1000,
    titles: bool = True,
    metrics: Mapping[str, float] | None = None,
    command: str | None = None,
    split: LeaveOneOut | None = None,
) -> pathlib.Path:
    """Exports a model: raw ids in, raw ids out, with plain TensorFlow.

    Versions are numbered folders, as TF Serving wants them. A version appears
    when it is whole; an export that breaks off leaves none. It holds

    - the SavedModel, whose signatures `RecommenderModule` describes;
    - `README.md`, the model card, with the sha256 of every file;
    - `assets.extra/tf_serving_warmup_requests`, what TF Serving asks it before
      users do;
    - `assets.extra/batch_padding.json`, what the local server joins and pads;
    - `assets.extra/item_titles.csv.gz`, if the items have a `title`.

    Args:
        model: a trained model, in the stage that is to answer.
        interactions: the log it was trained on; its items are the vocabulary.
        path: the folder of all versions, made if it is missing; or in it the
            new version, whose name is a number.
        max_history_length: the newest items of a history that the model reads;
            by default as many as it can, 20 if it can any number.
        storage: how item vectors are kept: "float32", or in less memory
            "float16" or "int8".
        category: column of the item metadata that `recommend_diverse` mixes;
            see `RecommenderModule`.
        max_k: the longest list that a request may ask for.
        titles: whether the export holds the items' titles.
        metrics: test metrics for the model card, by name.
        command: for the model card, the shell command that trained the model.
        split: the split whose test cases tell what `storage` costs in recall,
            for the model card.

    Returns:
        The new version's folder.

    Raises:
        ValueError: as `RecommenderModule`, or if `path` is a version that
            exists already, or a weight is no number.

    Example:
    >>> folder = export(model, interactions, "saved_models/beauty")
    >>> loaded = tf.saved_model.load(folder)
    >>> loaded.recommend([["B001", "B007"]], k=3)
    """
    check_weights(model)
    module = RecommenderModule(
        model,
        interactions,
        max_history_length,
        storage=storage,
        category=category,
        max_k=max_k,
    )
    with draft_version(path) as draft:
        with _without_notes():
            tf.saved_model.save(
                module, str(draft.folder), signatures=module.signatures
            )
        inputs = _example_inputs(module)
        write_warmup_requests(draft.folder, module.signatures, inputs)
        padding = json.dumps(batch_padding(module, interactions.items))
        (draft.folder / BATCH_PADDING_FILE).write_text(padding)
        if titles:
            _write_titles(interactions, draft.folder / TITLES_FILE)
        write_model_card(
            draft.folder,
            model,
            interactions,
            module,
            inputs,
            metrics=metrics or {},
            command=command,
            loss=measure_storage_loss(
                model, split, storage, max_history_length=max_history_length
            )
            if split is not None and storage != "float32"
            else None,
        )
        return draft.publish()


def _example_inputs(module: RecommenderModule) -> dict[str, tf.Tensor]:
    """Returns a value for every input of the signatures, of one row."""
    items = tf.constant([module.example_items], module.reader.id_dtype)
    context = {
        name: tf.zeros([1] * spec.shape.rank, spec.dtype)
        if spec.dtype != tf.string
        else tf.fill([1] * spec.shape.rank, "")
        for name, spec in module.reader.context.specs.items()
    }
    if "timestamps" in context:
        context["timestamps"] = tf.zeros(items.shape, tf.int64)
    return {
        "item_ids": items,
        **context,
        "candidate_ids": items,
        "exclude_ids": items[:, :1],
        "exclude_seen": tf.constant([True]),
        "k": tf.constant([min(10, module.max_k)]),
        "diversity": tf.constant([0.1]),
    }


@contextlib.contextmanager
def _without_notes() -> Iterator[None]:
    """Lets TensorFlow not name the draft's folder, which will be renamed."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _write_titles(interactions: Interactions, path: pathlib.Path) -> None:
    metadata = interactions.item_metadata
    if metadata is None or "title" not in metadata:
        return
    path.parent.mkdir(exist_ok=True)
    pd.DataFrame(
        {"item_id": interactions.items, "title": metadata["title"].to_numpy()}
    ).to_csv(path, index=False)
