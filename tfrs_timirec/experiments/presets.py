"""Settings chosen on validation data, by model and data set."""

from __future__ import annotations

from typing import Any

from tfrs_timirec.experiments.settings import TrainingSettings

_PRESETS: dict[tuple[str, str], dict[str, Any]] = {}


def preset(model: str, dataset: str) -> TrainingSettings:
    """Returns the settings for a model on a data set.

    A data set without settings of its own gets the defaults of
    `TrainingSettings`.

    Args:
        model: name of a model, as "timirec_plus".
        dataset: name of a data set, as "amazon_beauty" or
            "household_tv/small".

    Example:
    >>> preset("timirec", "amazon_beauty").num_interests
    4
    """
    return TrainingSettings(model=model, **_PRESETS.get((model, dataset), {}))
