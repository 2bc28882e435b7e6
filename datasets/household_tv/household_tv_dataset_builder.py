"""TFDS builder of the simulated data set `household_tv`."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from etils import epath
from tfrs_timirec.datasets.household_tv import settings as presets
from tfrs_timirec.datasets.household_tv.settings import HouseholdSettings
from tfrs_timirec.datasets.household_tv.simulator import (
    SimulatedHouseholds,
    simulate,
)


@dataclasses.dataclass(eq=False, kw_only=True)
class HouseholdTvConfig(tfds.core.BuilderConfig):
    """A world to simulate.

    Args:
        name: Name of the config; left out, it is made from `settings`, so that
            different worlds are prepared in different folders.
        settings: Sizes, number of interests, seed and parameters.

    Example:
        >>> config = HouseholdTvConfig(
        ...     settings=HouseholdSettings(300, 600, 6000, num_interests=3)
        ... )
        >>> builder = tfds.builder("household_tv", config=config)
    """

    name: str = ""
    settings: HouseholdSettings = presets.TINY

    def __post_init__(self) -> None:
        if not self.name:
            self.name = "-".join(
                str(value) for value in dataclasses.astuple(self.settings)
            )


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds `household_tv`: simulated, so nothing is downloaded."""

    VERSION = tfds.core.Version("1.2.0")
    RELEASE_NOTES = {
        "1.0.0": "Initial release.",
        "1.1.0": "Members follow their tastes, not the series last watched.",
        "1.2.0": "Popularity is flatter, and `small` is smaller.",
    }
    BUILDER_CONFIGS = [
        HouseholdTvConfig(
            name="small",
            settings=presets.SMALL,
            description="2,000 households, 800 items: for demonstrations.",
        ),
        HouseholdTvConfig(
            name="tiny",
            settings=presets.TINY,
            description="300 households, 240 items: for tests.",
        ),
        HouseholdTvConfig(
            name="cmcc",
            settings=presets.CMCC,
            description="The size of the CMCC data in the TiMiRec paper.",
        ),
    ]
    builder_config: HouseholdTvConfig
    # TFDS would look below tfrs_timirec/, where a checkout has no such folder.
    pkg_dir_path = epath.Path(__file__).parent

    def _info(self) -> tfds.core.DatasetInfo:
        num_interests = self.builder_config.settings.num_interests
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "user_id": tfds.features.Text(),
                    "item_ids": _steps(np.str_),
                    "timestamps": _steps(np.int64),
                    "hours": _steps(np.int32),
                    "active_interests": _steps(np.int32),
                    "interest_distributions": tfds.features.Tensor(
                        shape=(None, num_interests), dtype=np.float32
                    ),
                    "item_id": tfds.features.Text(),
                    "title": tfds.features.Text(),
                    "genres": tfds.features.Sequence(tfds.features.Text()),
                    "interest": np.int32,
                }
            ),
            homepage="https://doi.org/10.1145/3511808.3557464",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        del dl_manager  # Nothing to download.
        world = simulate(self.builder_config.settings)
        return {"users": _users(world), "items": _items(world)}

    def _generate_examples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        raise NotImplementedError("The splits bring their own generators.")


def _steps(dtype: Any) -> tfds.features.Tensor:
    """One value a step: as a Sequence, but encoded as a whole."""
    return tfds.features.Tensor(shape=(None,), dtype=dtype)


def _users(
    world: SimulatedHouseholds,
) -> Iterator[tuple[str, dict[str, Any]]]:
    item_ids = world.catalogue.item_ids.astype(object)[world.items]
    bounds = zip(world.row_splits, world.row_splits[1:], strict=False)
    for user_id, (start, end) in zip(world.user_ids, bounds, strict=True):
        rows = slice(start, end)
        yield (
            str(user_id),
            {
                "user_id": str(user_id),
                "item_ids": item_ids[rows],
                "timestamps": world.timestamps[rows],
                "hours": world.hours[rows],
                "active_interests": world.active_interests[rows],
                "interest_distributions": world.interest_distributions[rows],
                "item_id": "",
                "title": "",
                "genres": [],
                "interest": 0,
            },
        )


def _items(
    world: SimulatedHouseholds,
) -> Iterator[tuple[str, dict[str, Any]]]:
    catalogue = world.catalogue
    none = np.zeros(0, np.int32)
    for item, item_id in enumerate(catalogue.item_ids):
        yield (
            str(item_id),
            {
                "user_id": "",
                "item_ids": none.astype(object),
                "timestamps": none.astype(np.int64),
                "hours": none,
                "active_interests": none,
                "interest_distributions": np.zeros(
                    (0, world.settings.num_interests), np.float32
                ),
                "item_id": str(item_id),
                "title": str(catalogue.titles[item]),
                "genres": [catalogue.genre_names[catalogue.genres[item]]],
                "interest": int(catalogue.interests[item]),
            },
        )
