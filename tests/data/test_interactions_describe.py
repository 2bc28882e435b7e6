"""The sizes that describe() shows, counted by hand."""

import pandas as pd

from tfrs_timirec.data.cleaning import CleaningOptions
from tfrs_timirec.data.interactions import Interactions

# User 1: items 7, 8, 7, 9 at days 0, 1, 2, 2. User 2: items 7, 8 at day 3.
# User 3: item 7 at day 5.
DAY = 86_400
FRAME = pd.DataFrame(
    {
        "user_id": [1, 1, 1, 1, 2, 2, 3],
        "item_id": [7, 8, 7, 9, 7, 8, 7],
        "timestamp": [d * DAY for d in (0, 1, 2, 2, 3, 3, 5)],
    }
)


def test_statistics():
    statistics = Interactions.from_dataframe(FRAME).statistics()
    assert statistics.num_users == 3
    assert statistics.num_items == 3
    assert statistics.num_interactions == 7
    assert statistics.density == 7 / 9
    per_user = statistics.interactions_per_user  # 4, 2, 1
    assert (per_user.minimum, per_user.median, per_user.maximum) == (1, 2, 4)
    assert per_user.mean == 7 / 3
    per_item = statistics.interactions_per_item  # 4, 2, 1
    assert (per_item.minimum, per_item.median, per_item.maximum) == (1, 2, 4)
    assert statistics.first_timestamp == 0
    assert statistics.last_timestamp == 5 * DAY
    assert statistics.users_with_one_interaction == 1  # User 3.
    assert statistics.users_too_short_to_hold_out == 2  # Users 2 and 3.
    assert statistics.users_with_tied_last_times == 2  # Users 1 and 2.
    assert statistics.repeated_pairs == 1  # User 1 met item 7 twice.


def test_a_user_with_one_item_is_not_tied_with_the_user_before():
    frame = pd.DataFrame(
        {"user_id": [1, 2], "item_id": [7, 8], "timestamp": [5, 5]}
    )
    statistics = Interactions.from_dataframe(frame).statistics()
    assert statistics.users_with_tied_last_times == 0


def test_description_of_a_clean_log():
    text = Interactions.from_dataframe(FRAME, name="mine").describe()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines == [
        "mine",
        "users 3",
        "items 3",
        "interactions 7",
        "density 77.78 %",  # 7 / 9
        "interactions per user min 1, median 2, mean 2.3, max 4",
        "interactions per item min 1, median 2, mean 2.3, max 4",
        "time span 1970-01-01 to 1970-01-06 (UTC)",
        "order of equal times file order; it decides the last item of 66.7 %"
        " of users",
        "too short to hold out 2 users with fewer than 3 interactions (1 with"
        " one)",
        "repeated user-item pairs 1 kept",
        "rows read 7",
        "changed or removed nothing",
    ]


def test_description_counts_what_cleaning_removed():
    # Keeping the first of each pair removes user 1's second 7. Users 1 to 3
    # then have 3, 2 and 1 interactions; below 2 is user 3 alone, with 1 row.
    text = Interactions.from_dataframe(
        FRAME,
        cleaning=CleaningOptions(
            min_user_interactions=2,
            duplicates="first",
            ties="reverse_file_order",
        ),
    ).describe()
    text = " ".join(text.split())
    assert "reverse file order; it decides" in text
    assert "duplicates removed 1 rows (the first of each user-item" in text
    assert "k-core removed 1 rows, 1 users, 0 items (at least 2 a user" in text
    assert "nothing" not in text
