"""What a server may pad, so that requests of unequal lengths are one batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfrs_timirec.serving.recommender_module import RecommenderModule

# The file in an export that says so; servers that do not know it ignore it.
BATCH_PADDING_FILE = "assets.extra/batch_padding.json"

# Of these signatures no output has a place for each item of a request.
_PADDABLE = {
    "serving_default": ("item_ids", "exclude_ids"),
    "user_embedding": ("item_ids",),
    "recommend_diverse": ("item_ids", "exclude_ids"),
}


def batch_padding(
    module: RecommenderModule, items: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Returns padding values by signature and input.

    Appended to the rows of that input, such a value changes no output. There
    is none where every padding value is an item's id, or the model reads more
    of each item than its id.

    Args:
        module: what is exported.
        items: (num_items,) the raw ids.
    """
    value = module.reader.no_item
    if module.reader.context.specs or value in items.tolist():
        return {}
    return {
        signature: dict.fromkeys(names, value)
        for signature, names in _PADDABLE.items()
    }
