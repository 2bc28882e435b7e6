"""Settings chosen on validation data, by model and data set."""

from __future__ import annotations

from typing import Any

from tfrs_timirec.experiments.settings import TrainingSettings

# Beauty's transformer models learn slower but further at the smaller rate,
# which with one projection layer is also what the authors' command says.
_BEAUTY_PLUS = {"learning_rate": 1e-4}

_PRESETS: dict[tuple[str, str], dict[str, Any]] = {
    ("comirec_plus", "amazon_beauty"): _BEAUTY_PLUS,
    ("timirec", "amazon_beauty"): {"num_projection_layers": 1},
    ("timirec_plus", "amazon_beauty"): {
        **_BEAUTY_PLUS,
        "num_projection_layers": 1,
    },
    ("timirec", "household_tv/small"): {
        "num_interests": 2,
        "num_projection_layers": 1,
        "embedding_dim": 32,
        "learning_rate": 5e-3,
        "num_negatives": 4,
        "max_epochs": 10,
        "patience": 4,
        "steps_per_execution": 16,
    },
}


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
