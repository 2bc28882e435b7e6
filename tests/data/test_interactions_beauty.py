"""Amazon Beauty gives Table 1 of the paper."""

import time

import pandas as pd
import pytest

from tfrs_timirec.data.cleaning import CleaningOptions
from tfrs_timirec.data.interactions import Interactions

COLUMNS = {
    "user_column": "reviewerID",
    "item_column": "asin",
    "timestamp_column": "unixReviewTime",
}


@pytest.fixture(scope="module")
def frame(data_dir):
    name = "reviews_Beauty_5.json.gz"
    paths = sorted(data_dir.rglob(name))
    if not paths:
        pytest.skip(f"TIMIREC_DATA_DIR has no {name}")
    return pd.read_json(paths[0], lines=True)


def test_beauty_is_table_1(frame):
    log = Interactions.from_dataframe(frame, **COLUMNS)
    assert log.num_users == 22_363
    assert log.num_items == 12_101
    assert log.num_interactions == 198_502
    assert f"{log.density:.2%}" == "0.07%"
    # The file is the 5-core already, and 43.5 % of the users end in a tie.
    assert log.statistics().interactions_per_user.minimum == 5
    assert "43.5 % of users" in log.describe()


def test_beauty_is_its_own_5_core(frame):
    log = Interactions.from_dataframe(
        frame,
        **COLUMNS,
        cleaning=CleaningOptions(
            min_user_interactions=5, min_item_interactions=5
        ),
    )
    assert log.report.interactions_below_minimum == 0


def test_each_sequence_is_the_stable_sort_of_the_file(frame):
    log = Interactions.from_dataframe(frame, **COLUMNS)
    expected = frame.sort_values("unixReviewTime", kind="stable")
    expected = expected.groupby("reviewerID")["asin"].agg(list)
    items = log.decode_items(log.item_ids)
    for user in range(0, log.num_users, 997):
        rows = slice(*log.row_splits[user : user + 2])
        assert items[rows].tolist() == expected[log.users[user]]


def test_beauty_takes_less_than_a_second(frame):
    # Of the processor, so that other work on the machine does not count.
    start = time.process_time()
    Interactions.from_dataframe(frame, **COLUMNS)
    assert time.process_time() - start < 1
