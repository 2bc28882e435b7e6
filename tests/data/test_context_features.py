"""ContextFeatures: what batches hold besides item ids, by hand."""

import numpy as np
import pandas as pd
import pytest

from tests.data.small_logs import one_epoch
from tfrs_timirec.data import attribute_sizes, read_attribute
from tfrs_timirec.data.batches import evaluation_dataset, training_dataset
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.splits import LeaveOneOut

# Times tell the interaction: ann's are 101 to 105, bob's 201 to 203.
FRAME = pd.DataFrame(
    {
        "user_id": ["ann"] * 5 + ["bob"] * 3,
        "item_id": list("abcde") + list("cab"),
        "timestamp": [101, 102, 103, 104, 105, 201, 202, 203],
    }
)
GENRES = pd.DataFrame(
    {"genres": [["war"], [], ["comedy", "war"], ["art"]], "year": [9, 8, 8, 7]},
    index=["a", "b", "c", "zzz"],
)
PROFILES = pd.DataFrame({"occupation": ["maker"]}, index=["bob"])
LOG = Interactions.from_dataframe(
    FRAME, item_metadata=GENRES, user_metadata=PROFILES
)
SPLIT = LeaveOneOut(LOG)


def test_nothing_is_gathered_that_is_not_asked_for():
    for dataset in (
        training_dataset(SPLIT),
        training_dataset(SPLIT, features=("item_ids",)),
    ):
        assert set(dataset.element_spec) == {
            "item_ids",
            "target_id",
            "negative_ids",
        }


def test_times_of_training_instances():
    epoch = one_epoch(
        training_dataset(
            SPLIT,
            max_history_length=2,
            features=("item_ids", "timestamps", "request_timestamp"),
        )
    )
    rows = sorted(
        zip(
            epoch["request_timestamp"].tolist(),
            epoch["timestamps"].tolist(),
            epoch["item_ids"].tolist(),
            strict=True,
        )
    )

    # Ann trains on her second and third item; bob's first has no history.
    # The ids of a to e are 2 to 6.
    assert rows == [(102, [0, 101], [0, 2]), (103, [101, 102], [2, 3])]
    assert epoch["timestamps"].dtype == np.int64
    assert epoch["request_timestamp"].dtype == np.int64


def test_times_of_held_out_cases():
    epoch = one_epoch(
        evaluation_dataset(
            SPLIT,
            "test",
            max_history_length=3,
            candidates="full",
            features=("timestamps", "request_timestamp"),
        )
    )

    assert epoch["timestamps"].tolist() == [[102, 103, 104], [0, 201, 202]]
    assert epoch["request_timestamp"].tolist() == [105, 203]
    assert epoch["item_ids"].tolist() == [[3, 4, 5], [0, 4, 2]]


def test_attributes_of_held_out_cases():
    epoch = one_epoch(
        evaluation_dataset(
            SPLIT,
            "test",
            max_history_length=3,
            candidates="full",
            features=("item_genres", "item_year", "user_occupation"),
        )
    )

    # art, comedy and war would be 1, 2, 3, but no item of the log is art.
    # Ann's history is b, c, d, of which the metadata has no d; bob's is c, a.
    assert epoch["item_ids"].tolist() == [[3, 4, 5], [0, 4, 2]]
    assert epoch["item_genres"].tolist() == [
        [[0, 0], [1, 2], [0, 0]],
        [[0, 0], [1, 2], [2, 0]],
    ]
    assert epoch["item_year"].tolist() == [  # 8 is 1, 9 is 2.
        [[1], [1], [0]],
        [[0], [1], [2]],
    ]
    assert epoch["user_occupation"].tolist() == [[0], [1]]
    for name in ("item_genres", "user_occupation"):
        assert epoch[name].dtype == np.int32


def test_sizes_count_none():
    names = ("item_genres", "item_year", "user_occupation")

    assert attribute_sizes(LOG, names) == {
        "item_genres": 3,
        "item_year": 3,
        "user_occupation": 2,
    }
    assert read_attribute(LOG, "item_genres").values.tolist() == [
        "comedy",
        "war",
    ]


@pytest.mark.parametrize("make", [training_dataset, evaluation_dataset])
def test_unknown_feature_is_an_error(make):
    with pytest.raises(
        ValueError, match=r"request_timestamp, item_genres.*Received: 'hours'"
    ):
        make(SPLIT, features=("timestamps", "hours"))
