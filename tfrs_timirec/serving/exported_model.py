"""An exported model, asked from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_timirec.serving.exporting import TITLES_FILE
from tfrs_timirec.serving.graph_message import graph_message
from tfrs_timirec.serving.publishing import find_version, load_saved_model

_LISTS = ("k", "exclude_ids", "exclude_seen")


class ExportedModel:
    """Loads a version and asks it about one user.

    Args:
        path: folder of a version, or of all of them: the newest is taken.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the folder holds a SavedModel of another kind, or is
            damaged.

    Example:
    >>> model = ExportedModel("saved_models/beauty")
    >>> model.recommend(["B001", "B007"], k=3)["title"].tolist()
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.folder = find_version(path)
        self._loaded = load_saved_model(self.folder)
        signatures = getattr(self._loaded, "signatures", {})
        if not {"serving_default", "recommend_diverse"} <= set(signatures):
            raise ValueError(
                "`path` must be a model that `timirec export` wrote. Received:"
                f" path='{path}' with the signatures"
                f" {', '.join(signatures) or 'none'}."
            )
        inputs = signatures["serving_default"].structured_input_signature[1]
        self.id_dtype: tf.DType = inputs["item_ids"].dtype
        self.context_specs: dict[str, tf.TensorSpec] = {
            name: spec
            for name, spec in inputs.items()
            if name not in ("item_ids", *_LISTS)
        }
        titles = self.folder / TITLES_FILE
        self.titles: pd.Series | None = None
        if titles.exists():
            kind = str if self.id_dtype == tf.string else np.int64
            table = pd.read_csv(
                titles, dtype={"item_id": kind, "title": str}, na_filter=False
            )
            self.titles = table.set_index("item_id")["title"]

    def recommend(
        self,
        history: Sequence[Any],
        *,
        k: int = 10,
        diversity: float = 0.0,
        context: Mapping[str, Sequence[Any]] | None = None,
    ) -> pd.DataFrame:
        """Recommends to one user.

        Args:
            history: raw item ids, oldest first.
            k: length of the list.
            diversity: what variety is worth; see `choose_diverse`.
            context: what the model reads besides, by name, for this user.

        Returns:
            Columns `item_id`, `score` and, where known, `title`; best first.

        Raises:
            ValueError: if ids are not of the model's type, `context` is not
                what the model reads, `diversity` is below 0 or no number, or
                the model refuses `k`.
        """
        arguments = self._arguments(history, context or {})
        arguments["k"] = tf.constant(
            max(tf.int32.min, min(k, tf.int32.max)), tf.int32
        )
        if diversity:
            if not 0 <= diversity <= float(tf.float32.max):
                raise ValueError(
                    "`diversity` must be a number from 0 to"
                    f" {tf.float32.max:.2g}. Received: diversity={diversity}"
                )
            arguments["diversity"] = tf.constant(diversity, tf.float32)
        answer = self._answer(
            "recommend_diverse" if diversity else "recommend", arguments
        )
        scores = answer["scores"].numpy()[0]
        listed = scores > tf.float32.min
        ids = self._to_python(answer["item_ids"].numpy()[0][listed])
        return self._with_titles(ids, score=scores[listed])

    def explain(
        self,
        history: Sequence[Any],
        *,
        context: Mapping[str, Sequence[Any]] | None = None,
    ) -> tuple[np.ndarray, pd.DataFrame]:
        """Says what the interests of one user are made of.

        Args:
            history: as for `recommend`.
            context: as for `recommend`.

        Returns:
            probabilities: (num_interests,), how likely the next item is to
                come from each interest.
            attention: the history with `item_id`, where known `title`, and a
                column "interest 1", … for the share it has in each.
        """
        answer = self._answer(
            "interests", self._arguments(history, context or {})
        )
        shares = {
            f"interest {number}": row
            for number, row in enumerate(answer["attention"].numpy()[0], 1)
        }
        probabilities = answer["interest_probabilities"].numpy()[0]
        return probabilities, self._with_titles(list(history), **shares)

    def unknown(self, history: Sequence[Any]) -> list[Any]:
        """Returns the ids of a history that the model does not know.

        Args:
            history: raw item ids.

        Raises:
            ValueError: if ids are not of the model's type.
        """
        ids = self._ids(history)
        if not len(history):
            return []
        nothing = {
            name: tf.zeros([1] * spec.shape.rank, tf.int64)
            if spec.dtype == tf.int64
            else tf.fill([1] * spec.shape.rank, "")
            for name, spec in self.context_specs.items()
        }
        scores = self._loaded.score(
            item_ids=ids[:, :1], **nothing, candidate_ids=ids
        )["scores"]
        is_unknown = scores.numpy()[0] <= tf.float32.min
        return [
            item for item, flag in zip(history, is_unknown, strict=True) if flag
        ]

    def _answer(
        self, function: str, arguments: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        try:
            return getattr(self._loaded, function)(**arguments)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                f"The model refuses the request: {graph_message(error)}"
            ) from error

    def _arguments(
        self, history: Sequence[Any], context: Mapping[str, Sequence[Any]]
    ) -> dict[str, tf.Tensor]:
        if set(context) != set(self.context_specs):
            raise ValueError(
                "`context` must give what this model reads besides the history:"
                f" {', '.join(self.context_specs) or 'nothing'}. Received:"
                f" {', '.join(context) or 'nothing'}."
            )
        lengths = {"timestamps": len(history), "request_timestamp": 1}
        for name, values in context.items():
            if len(values) != lengths.get(name, len(values)):
                raise ValueError(
                    f"`context` {name!r} must have {lengths[name]} values for"
                    f" this history. Received: {len(values)} values."
                )
        given = {
            name: tf.reshape(
                _to_tensor(f"`context` {name!r}", context[name], spec.dtype),
                (1, -1) if spec.shape.rank > 1 else (-1,),
            )
            for name, spec in self.context_specs.items()
        }
        return {"item_ids": self._ids(history), **given}

    def _ids(self, history: Sequence[Any]) -> tf.Tensor:
        if isinstance(history, str | bytes):
            raise ValueError(
                "`history` must be a sequence of ids. Received:"
                f" {history!r}; put it into a list."
            )
        kind = str if self.id_dtype == tf.string else (int, np.integer)
        for item in history:
            if not isinstance(item, kind):
                raise ValueError(
                    "`history` must hold"
                    f" {'text' if kind is str else 'integers'}, as the ids of"
                    f" this model are. Received: {item!r}"
                )
        return _to_tensor("`history`", history, self.id_dtype)[tf.newaxis]

    def _with_titles(self, ids: list[Any], **columns: Any) -> pd.DataFrame:
        table = pd.DataFrame({"item_id": ids, **columns})
        if self.titles is not None:
            titles = self.titles.reindex(ids).fillna("").to_numpy()
            table.insert(1, "title", titles)
        return table

    def _to_python(self, ids: np.ndarray) -> list[Any]:
        if self.id_dtype == tf.string:
            return [raw.decode("utf-8") for raw in ids]
        return ids.tolist()


def _to_tensor(name: str, values: Sequence[Any], dtype: tf.DType) -> tf.Tensor:
    try:
        return tf.constant(list(values), dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must hold values of the type {dtype.name}, which the model"
            f" reads. Received: {list(values)}"
        ) from error
