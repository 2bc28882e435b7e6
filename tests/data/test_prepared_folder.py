"""Sequences whose times were cut to seconds keep the order they have."""

import json

import pytest
import tensorflow_datasets as tfds
from tfrs_timirec.datasets.interaction_log import InteractionLogConfig

import tfrs_timirec  # noqa: F401
from tfrs_timirec.data import CleaningOptions, Interactions
from tfrs_timirec.data.prepared_folder import load_prepared

REVERSE = CleaningOptions(ties="reverse_file_order")


def prepare(folder, times):
    path = folder / "log.csv"
    rows = [f"u,{item},{time}" for item, time in zip("abc", times, strict=True)]
    path.write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    builder = tfds.builder(
        "interaction_log",
        config=InteractionLogConfig(path=path),
        data_dir=folder / "tfds",
    )
    builder.download_and_prepare()
    return builder


def items(log):
    return "".join(log.decode_items(log.item_ids))


def write_preparation(folder, ties, **counts):
    report = {"options": {"ties": ties, "duplicates": "first"}, **counts}
    (folder / "preparation.json").write_text(json.dumps({"report": report}))


def test_log_with_parts_of_a_second_is_not_reversed(tmp_path):
    builder = prepare(tmp_path, [10.1, 10.5, 10.9])

    assert items(Interactions.from_tfds(builder)) == "abc"
    # a and c would change places.
    with pytest.raises(ValueError, match="`ties`.*would move 2 of 3 rows"):
        Interactions.from_tfds(builder, cleaning=REVERSE)
    with pytest.raises(ValueError, match="--interactions FILE"):
        load_prepared(builder.data_path, REVERSE)


def test_log_without_equal_seconds_has_nothing_to_reverse(tmp_path):
    builder = prepare(tmp_path, [10.1, 11.5, 12.9])

    assert items(Interactions.from_tfds(builder, cleaning=REVERSE)) == "abc"


def test_tie_rule_is_that_of_the_preparation(tmp_path):
    folder = prepare(tmp_path, [10, 10, 10]).data_path
    write_preparation(folder, "reverse_file_order")

    for cleaning in (None, REVERSE):
        log = load_prepared(folder, cleaning)
        assert items(log) == "abc"
        assert log.report.options == REVERSE

    write_preparation(folder, "file_order")
    assert load_prepared(folder).report.options == CleaningOptions()
    with pytest.raises(ValueError, match="prepared with 'file_order'"):
        load_prepared(folder, REVERSE)


@pytest.mark.parametrize(
    ("counts", "last_lines"),
    [
        (
            {"rows_read": 5, "duplicates_removed": 2},
            [
                "rows before preparation 5",
                "duplicates removed 2 rows (the first of each user-item pair is"
                " kept)",
                "rows read 3",
            ],
        ),
        (
            {"rows_read": 3},
            [
                "rows before preparation 3",
                "rows read 3",
                "changed or removed nothing",
            ],
        ),
    ],
)
def test_description_says_what_the_preparation_did(
    tmp_path, counts, last_lines
):
    folder = prepare(tmp_path, [10, 10, 10]).data_path
    write_preparation(folder, "file_order", **counts)

    text = load_prepared(folder).describe()

    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[-len(last_lines) :] == last_lines
    assert lines[-len(last_lines) - 1].startswith("repeated user-item pairs")


def test_other_rules_apply(tmp_path):
    folder = prepare(tmp_path, [10, 10, 10]).data_path
    write_preparation(folder, "reverse_file_order")
    core = CleaningOptions(min_user_interactions=4)

    with pytest.raises(ValueError, match="No interaction is left"):
        load_prepared(folder, core)


@pytest.mark.parametrize(
    "text", ["{", "{}", "[]", '{"report": {}}', '{"report": "x"}']
)
def test_broken_record_of_the_preparation(tmp_path, text):
    folder = prepare(tmp_path, [1, 2, 3]).data_path
    (folder / "preparation.json").write_text(text)

    with pytest.raises(ValueError, match=r"preparation\.json must say how"):
        load_prepared(folder)


def test_unknown_tie_rule_in_the_record(tmp_path):
    folder = prepare(tmp_path, [1, 2, 3]).data_path
    write_preparation(folder, "random")

    with pytest.raises(ValueError, match=r"preparation\.json.*'random'"):
        load_prepared(folder)
