"""ContextFeatures: what batches hold besides item ids, by hand."""

import numpy as np
import pandas as pd
import pytest

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
SPLIT = LeaveOneOut(Interactions.from_dataframe(FRAME))


def one_epoch(dataset):
    """Returns the batches of a pass, joined."""
    batches = list(dataset.as_numpy_iterator())
    return {
        name: np.concatenate([batch[name] for batch in batches])
        for name in batches[0]
    }


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


@pytest.mark.parametrize("make", [training_dataset, evaluation_dataset])
def test_unknown_feature_is_an_error(make):
    with pytest.raises(
        ValueError, match=r"`features`.*request_timestamp.*Received: .*'hours'"
    ):
        make(SPLIT, features=("timestamps", "hours"))
