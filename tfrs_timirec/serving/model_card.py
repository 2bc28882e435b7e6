"""What an exported model says of itself."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import pathlib
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.serving.recommender_module import RecommenderModule
from tfrs_timirec.serving.storage_loss import StorageLoss

CARD_FILE = "README.md"
_LIBRARIES = ("tfrs-timirec", "tf-keras", "tensorflow-recommenders", "numpy")


def write_model_card(
    folder: pathlib.Path,
    model: SequentialRecommender,
    interactions: Interactions,
    module: RecommenderModule,
    inputs: Mapping[str, tf.Tensor],
    *,
    metrics: Mapping[str, float],
    command: str | None = None,
    loss: StorageLoss | None = None,
) -> None:
    """Writes the model card of an export, README.md.

    Args:
        folder: the folder of the export, complete but for the card.
        model: the exported model.
        interactions: the log it was trained on.
        module: what was exported.
        inputs: a value for every input of the signatures, of one row each.
        metrics: test metrics by name.
        command: the shell command that trained the model.
        loss: what compact item vectors cost.
    """
    is_text = module.reader.id_dtype == tf.string
    context_names = list(module.reader.context.specs)
    example = ", ".join(
        [repr(_plain(inputs["item_ids"]))]
        + [f"{name}={_plain(inputs[name])!r}" for name in context_names]
    )
    padding = '""' if is_text else "-1 or 0 (unless an item has that id)"
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES
    )
    context = ", ".join(f"`{name}`" for name in context_names)
    now = datetime.datetime.now(datetime.UTC)
    card = f"""# {type(model).__name__} on {interactions.name}

Recommends the next item from the items a user met so far.

- Made: {now:%Y-%m-%d %H:%M} UTC
- Versions: TensorFlow {tf.__version__}, {versions}, Python
  {platform.python_version()}
- Trained on: {interactions.name}, {interactions.num_users:,} users,
  {interactions.num_items:,} items, {interactions.num_interactions:,}
  interactions (fingerprint `{interactions.fingerprint}`)
- Trained by: {f"`{command}`" if command else "not given at export"}
- Answers in stage: {model.stage}
- Reads: the newest {module.reader.max_history_length} items of a history
- Answers with lists of up to {module.max_k:,} items
{f"- Reads also, by name: {context}" if context else ""}
## Results

{_results(metrics)}
{_storage(loss)}
## Use

Plain TensorFlow is enough; run this beside this file:

```python
import tensorflow as tf

model = tf.saved_model.load(".")
answer = model.recommend({example}, k=10)
answer["item_ids"], answer["scores"]
```

Histories are raw item ids, oldest first, padded with {padding} to equal
lengths. Items of the history are not recommended. An item that was not in the
training data counts as "unknown item". The other signatures are `interests`,
`user_embedding`, `score` and `recommend_diverse`.

## Limits

It knows the items of its training data only, and no more of a user than the
history. What was watched or bought is not always what was liked. A history
without a known item says nothing: the scores of all items are then nearly the
same, and the list is no better than chance.

## Files

{_files(folder)}
"""
    (folder / CARD_FILE).write_text(card, encoding="utf-8")


def _plain(values: tf.Tensor) -> list[Any]:
    """Returns numbers and text as Python writes them."""
    array = values.numpy()
    if array.dtype == object:
        array = np.char.decode(array.astype("S"), "utf-8")
    return array.tolist()


def _results(metrics: Mapping[str, float]) -> str:
    if not metrics:
        return "Not given at export."
    rows = [f"| {name} | {value:.4f} |" for name, value in metrics.items()]
    return "\n".join(["| on test cases | |", "|---|---|", *rows])


def _storage(loss: StorageLoss | None) -> str:
    if loss is None:
        return ""
    cases = f"{loss.num_cases:,} test cases"
    return f"""
Item vectors are stored as {loss.storage}. Recall@{loss.k} over {cases},
in the whole catalogue, is {loss.compact_recall:.4f}, with float32
{loss.recall:.4f}; the lists share {loss.overlap:.2%} of their items.
"""


def _files(folder: pathlib.Path) -> str:
    rows = ["| file | bytes | sha256 |", "|---|---|---|"]
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            rows.append(
                f"| {path.relative_to(folder).as_posix()} | {len(content):,} |"
                f" `{hashlib.sha256(content).hexdigest()}` |"
            )
    return "\n".join(rows)
