"""Preparation of logs of any size with Apache Beam, the extra `[beam]`.

Nothing else of the package imports this.
"""

from tfrs_timirec.data.preparation.prepare import prepare_sequences
from tfrs_timirec.data.preparation.transforms import LogColumns

__all__ = ["LogColumns", "prepare_sequences"]
