"""What is written for items of which little is known."""

import numpy as np
import pandas as pd

from tfrs_timirec.data import Interactions
from tfrs_timirec.evaluation.case_study import item_genres, item_titles


def make_log(metadata):
    frame = pd.DataFrame(
        {"user_id": [1, 1, 1, 1], "item_id": [7, 8, 9, 10], "timestamp": 1}
    )
    return Interactions.from_dataframe(frame, item_metadata=metadata)


def test_titles_and_genres_of_items_that_have_none():
    # Item 9 has no row.
    metadata = pd.DataFrame(
        {"title": ["Alien", "", None], "genres": [["horror", "sf"], [], None]},
        index=[7, 8, 10],
    )
    ids = np.array([2, 3, 4, 5])

    assert item_titles(make_log(metadata), ids) == ["Alien", "8", "9", "10"]
    assert item_genres(make_log(metadata), ids) == ["horror, sf", "", "", ""]
    assert item_titles(make_log(None), ids) == ["7", "8", "9", "10"]
    assert item_genres(make_log(None), ids) == [""] * 4
