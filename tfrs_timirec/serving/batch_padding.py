"""What a server may run as one batch, and pad where lengths are unequal."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfrs_timirec.serving.recommender_module import RecommenderModule

# The file in an export that says so; servers that do not know it ignore it.
BATCH_PADDING_FILE = "assets.extra/batch_padding.json"

# `attention` has a place for each item, `scores` for each candidate.
_PADDABLE_INPUTS = {
    "serving_default": ("item_ids", "exclude_ids"),
    "interests": (),
    "user_embedding": ("item_ids",),
    "score": (),
    "recommend_diverse": ("item_ids", "exclude_ids"),
}


def batch_padding(
    module: RecommenderModule, items: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Returns padding values by signature and input.

    All signatures are named, for in none does a row depend on another: requests
    may be joined. Appended to the rows of an input, a padding value changes no
    output. There is none where every padding value is an item's id, or the
    model reads more of each item than its id.

    Args:
        module: what is exported.
        items: (num_items,) the raw ids.
    """
    value = module.reader.no_item
    if module.reader.context.specs or value in items.tolist():
        return {signature: {} for signature in _PADDABLE_INPUTS}
    return {
        signature: dict.fromkeys(names, value)
        for signature, names in _PADDABLE_INPUTS.items()
    }
