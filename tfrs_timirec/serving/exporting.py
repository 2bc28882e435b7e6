"""Export of a trained model as a SavedModel with a model card."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping

import tensorflow as tf

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.serving.batch_padding import (
    BATCH_PADDING_FILE,
    batch_padding,
)
from tfrs_timirec.serving.recommender_module import RecommenderModule


def export(
    model: SequentialRecommender,
    interactions: Interactions,
    path: str | os.PathLike[str],
    *,
    max_history_length: int = 20,
    metrics: Mapping[str, float] | None = None,
) -> pathlib.Path:
    """Exports a model: raw ids in, raw ids out, with plain TensorFlow.

    Versions are numbered folders, as TF Serving wants them. A version appears
    when it is whole; an export that breaks off leaves none.

    Args:
        model: a trained model, in the stage that is to answer.
        interactions: the log it was trained on; its items are the vocabulary.
        path: the folder of all versions; made if it is missing.
        max_history_length: the newest items of a history that the model reads.
        metrics: test metrics for the model card, by name.

    Returns:
        The new version's folder, with a model card in its README.md.

    Raises:
        ValueError: if the model's vocabulary is not that of the log.

    Example:
    >>> folder = export(model, interactions, "saved_models/beauty")
    >>> loaded = tf.saved_model.load(folder)
    >>> loaded.recommend(tf.constant([["B001", "B007"]]), tf.constant(10))
    """
    module = RecommenderModule(model, interactions, max_history_length)
    versions = pathlib.Path(path)
    versions.mkdir(parents=True, exist_ok=True)
    draft = pathlib.Path(tempfile.mkdtemp(prefix=".draft-", dir=versions))
    try:
        tf.saved_model.save(module, str(draft), signatures=module.signatures)
        padding = draft / BATCH_PADDING_FILE
        padding.parent.mkdir(exist_ok=True)
        padding.write_text(
            json.dumps(batch_padding(module, interactions.items))
        )
        card = _model_card(model, interactions, module, metrics or {})
        (draft / "README.md").write_text(card, encoding="utf-8")
        draft.chmod(0o755)  # mkdtemp's folders are private.
        return _publish(draft, versions)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _publish(draft: pathlib.Path, versions: pathlib.Path) -> pathlib.Path:
    """Renames a draft to the next version, though others may do so too."""
    while True:
        numbers = [
            int(folder.name)
            for folder in versions.iterdir()
            if folder.name.isdecimal()
        ]
        folder = versions / str(max(numbers, default=0) + 1)
        try:
            return draft.rename(folder)
        except OSError:
            if not folder.exists():
                raise


def _model_card(
    model: SequentialRecommender,
    interactions: Interactions,
    module: RecommenderModule,
    metrics: Mapping[str, float],
) -> str:
    """Returns the model card in Markdown."""
    is_text = module.reader.id_dtype == tf.string
    example = [
        str(item) if is_text else int(item) for item in interactions.items[:2]
    ]
    padding = '""' if is_text else "-1 or 0 (unless an item has that id)"
    rows = [f"| {name} | {value:.4f} |" for name, value in metrics.items()]
    results = (
        "\n".join(["| on test cases | |", "|---|---|", *rows])
        if rows
        else "Not given at export."
    )
    return f"""# {type(model).__name__} on {interactions.name}

Recommends the next item from the items a user met so far.

- Made: {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC
- TensorFlow: {tf.__version__}
- Trained on: {interactions.name}, {interactions.num_users:,} users,
  {interactions.num_items:,} items, {interactions.num_interactions:,}
  interactions (fingerprint `{interactions.fingerprint}`)
- Answers in stage: {model.stage}
- Reads: the newest {module.reader.max_history_length} items of a history

## Results

{results}

## Use

Plain TensorFlow is enough; run this beside this file:

```python
import tensorflow as tf

model = tf.saved_model.load(".")
answer = model.recommend([{example!r}], k=10)
answer["item_ids"], answer["scores"]
```

Histories are raw item ids, oldest first, padded with {padding} to equal
lengths. Items of the history are not recommended. An item that was not in the
training data counts as "unknown item".

## Limits

It knows the items of its training data only, and no more of a user than the
history. What was watched or bought is not always what was liked.
"""
