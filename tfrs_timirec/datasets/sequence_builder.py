"""The base of TFDS builders that turn a raw log into user sequences."""

import abc
import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.raw_files import RawFile, find_or_download

Example = tuple[str, dict[str, Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class RawLog:
    """What a builder has read from its raw files.

    Args:
        interactions: the log; its `columns` are those of `STEP_DTYPES`.
        titles: the title by raw item id; items without one may be missing.
        genres: the genres by raw item id, likewise.
    """

    interactions: Interactions
    titles: Mapping[Any, str] = dataclasses.field(default_factory=dict)
    genres: Mapping[Any, list[str]] = dataclasses.field(default_factory=dict)


class SequenceBuilder(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """Writes the splits `users` and `items`, both with the same features.

    An example of `users` has `user_id` and, oldest first, `item_ids`,
    `timestamps` (Unix seconds) and the features of `STEP_DTYPES`; events at
    equal times keep the order of the raw file. An example of `items` has the
    `item_id` of an item of the log, its `title` and, where the data has them,
    its `genres`. The features of the other split are empty.

    A subclass sets `VERSION` and those of the attributes below whose default is
    not right for it, and implements `raw_files` and `read_log`.
    """

    HOMEPAGE: ClassVar[str | None] = None
    ID_DTYPE: ClassVar[type] = np.str_
    STEP_DTYPES: ClassVar[Mapping[str, type]] = {}
    WITH_GENRES: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # TFDS would look for the texts and checksums below tfrs_timirec/, where
        # a checkout has no such folder.
        cls.code_path = epath.Path(inspect.getfile(cls))
        cls.pkg_dir_path = cls.code_path.parent

    @property
    @abc.abstractmethod
    def raw_files(self) -> tuple[RawFile, ...]:
        """The files that the data set is made from."""

    @abc.abstractmethod
    def read_log(self, *paths: epath.Path) -> RawLog:
        """Reads the files, given in the order of `raw_files`."""

    def _info(self) -> tfds.core.DatasetInfo:
        features: dict[str, Any] = {
            "user_id": self.ID_DTYPE,
            # A Tensor decodes to what a Sequence does, and is written many
            # times as fast.
            **{
                name: tfds.features.Tensor(shape=(None,), dtype=dtype)
                for name, dtype in self._step_dtypes().items()
            },
            "item_id": self.ID_DTYPE,
            "title": tfds.features.Text(),
        }
        if self.WITH_GENRES:
            features["genres"] = tfds.features.Sequence(tfds.features.Text())
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage=self.HOMEPAGE,
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[Example]]:
        paths = [
            find_or_download(raw_file, dl_manager, self.name)
            for raw_file in self.raw_files
        ]
        log = self.read_log(*paths)
        return {"users": self._users(log), "items": self._items(log)}

    def _generate_examples(self) -> Iterator[Example]:
        raise NotImplementedError("The splits bring their own generators.")

    def _step_dtypes(self) -> dict[str, type]:
        return {
            "item_ids": self.ID_DTYPE,
            "timestamps": np.int64,
            **self.STEP_DTYPES,
        }

    def _users(self, log: RawLog) -> Iterator[Example]:
        interactions = log.interactions
        steps = {
            "item_ids": interactions.decode_items(interactions.item_ids),
            "timestamps": interactions.timestamps,
            **{
                name: interactions.columns[name].astype(dtype)
                for name, dtype in self.STEP_DTYPES.items()
            },
        }
        no_item: dict[str, Any] = {"item_id": self.ID_DTYPE(), "title": ""}
        if self.WITH_GENRES:
            no_item["genres"] = []
        bounds = interactions.row_splits
        for index, user_id in enumerate(interactions.users):
            rows = slice(bounds[index], bounds[index + 1])
            yield (
                str(user_id),
                {
                    "user_id": user_id,
                    **{name: values[rows] for name, values in steps.items()},
                    **no_item,
                },
            )

    def _items(self, log: RawLog) -> Iterator[Example]:
        no_user = {
            "user_id": self.ID_DTYPE(),
            **{
                name: np.zeros(0, object if dtype is np.str_ else dtype)
                for name, dtype in self._step_dtypes().items()
            },
        }
        for item_id in log.interactions.items:
            example = {
                **no_user,
                "item_id": item_id,
                "title": log.titles.get(item_id, ""),
            }
            if self.WITH_GENRES:
                example["genres"] = log.genres.get(item_id, [])
            yield str(item_id), example
