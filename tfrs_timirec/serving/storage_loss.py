"""What compact item vectors cost in recall."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from tfrs_timirec.data.batches import evaluation_dataset
from tfrs_timirec.data.splits import LeaveOneOut
from tfrs_timirec.evaluation.recommendations import seen_items
from tfrs_timirec.evaluation.top_k import top_k_by_blocks
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.models.feature_specs import length_to_read
from tfrs_timirec.serving.compact_table import Storage
from tfrs_timirec.serving.model_view import ModelView

_BATCH_SIZE = 256


@dataclasses.dataclass(frozen=True)
class StorageLoss:
    """Lists of a compact model beside those of the model itself.

    Args:
        storage: how the compact model keeps its item vectors.
        k: length of the lists.
        num_cases: number of test cases.
        recall: share of the cases whose target is in the model's list.
        compact_recall: the same for the compact model.
        overlap: mean share of the model's list that is in the compact one's.
    """

    storage: Storage
    k: int
    num_cases: int
    recall: float
    compact_recall: float
    overlap: float


def measure_storage_loss(
    model: SequentialRecommender,
    split: LeaveOneOut,
    storage: Storage,
    *,
    k: int = 10,
    max_history_length: int | None = None,
) -> StorageLoss:
    """Compares the lists for all test cases, from the whole catalogue.

    The items of a history, however long, are not recommended.

    Args:
        model: a trained model, in the stage that is to answer.
        split: the split.
        storage: "float16" or "int8".
        k: length of the lists.
        max_history_length: the newest items of a history that the model reads;
            by default as many as it can, 20 if it can any number.

    Example:
    >>> measure_storage_loss(model, split, "int8").compact_recall
    """
    max_history_length = length_to_read(
        "measure_storage_loss", model, max_history_length
    )
    views = ModelView(model), ModelView(model, storage)
    batches = evaluation_dataset(
        split,
        "test",
        batch_size=_BATCH_SIZE,
        max_history_length=max_history_length,
        candidates="full",
        features=model.feature_names,
    )

    @tf.function(
        input_signature=[
            batches.element_spec,
            tf.RaggedTensorSpec((None, None), tf.int32),
        ]
    )
    def search(
        features: dict[str, tf.Tensor], seen: tf.RaggedTensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        history = {
            name: value
            for name, value in features.items()
            if name != "target_id"
        }
        lists = [
            top_k_by_blocks(
                view.represent(history).user_vectors,
                view.items,
                k,
                excluded=seen,
            )[1]
            for view in views
        ]
        return lists[0], lists[1]

    hits, compact_hits, shared = [], [], []
    for features, seen in zip(
        batches, seen_items(split, "test", _BATCH_SIZE), strict=True
    ):
        full, compact = (ids.numpy() for ids in search(features, seen))
        targets = features["target_id"].numpy()[:, np.newaxis]
        hits.append((full == targets).any(axis=1))
        compact_hits.append((compact == targets).any(axis=1))
        same = full[:, :, np.newaxis] == compact[:, np.newaxis]
        shared.append(same.any(axis=2).mean(axis=1))
    return StorageLoss(
        storage=storage,
        k=k,
        num_cases=sum(map(len, hits)),
        recall=float(np.concatenate(hits).mean()),
        compact_recall=float(np.concatenate(compact_hits).mean()),
        overlap=float(np.concatenate(shared).mean()),
    )
