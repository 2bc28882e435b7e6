"""The data set `interaction_log`."""

from tfrs_timirec.datasets.interaction_log.interaction_log_dataset_builder import (  # noqa: E501
    InteractionLogConfig,
)

__all__ = ["InteractionLogConfig"]
