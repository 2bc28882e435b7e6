"""Indexes: the best items of a catalogue for users of several vectors."""

from tfrs_timirec.serving.index.exact_index import ExactIndex
from tfrs_timirec.serving.index.item_index import ItemIndex
from tfrs_timirec.serving.index.scann_index import ScaNNIndex

__all__ = ["ExactIndex", "ItemIndex", "ScaNNIndex"]
