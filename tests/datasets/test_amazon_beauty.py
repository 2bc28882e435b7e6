"""The data set `amazon_beauty`, from made-up files and from the real ones."""

import gzip
import json
import pathlib

import pytest
import tensorflow_datasets as tfds
from tfrs_timirec.datasets.amazon_beauty import amazon_beauty_dataset_builder

import tfrs_timirec  # noqa: F401
from tests.datasets.raw_data import prepare, read_examples
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.loading import load_dataset

Builder = amazon_beauty_dataset_builder.Builder
DUMMY_DATA = Builder.pkg_dir_path / "dummy_data"
CELLS = (
    pathlib.Path(__file__)
    .parents[2]
    .joinpath("results", "paper", "cells", "amazon_beauty")
)
REVIEWS = "reviews_Beauty_5.json.gz"
METADATA = "meta_Beauty.json.gz"
GOOD_REVIEW = '{"reviewerID": "ANN", "asin": "D1", "unixReviewTime": 5}'


class AmazonBeautyTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    SPLITS = {"users": 3, "items": 3}
    EXAMPLE_DIR = str(DUMMY_DATA)


def write_raw(folder, reviews=(GOOD_REVIEW,), metadata=("{'asin': 'D1'}",)):
    """Writes both files, compressed, from their lines."""
    for name, lines in ((REVIEWS, reviews), (METADATA, metadata)):
        text = "".join(f"{line}\n" for line in lines)
        (folder / name).write_bytes(gzip.compress(text.encode()))
    return folder


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return prepare("amazon_beauty", DUMMY_DATA, tmp_path_factory)


def test_users_are_sorted_by_time_and_then_by_place_in_the_file(builder):
    users = read_examples(builder, "users", "user_id")

    assert sorted(users) == [b"ANN", b"BO", b"CY"]
    # The file is grouped by product. Ann reviewed D2 on 1 January 2013
    # (1356998400) and D1, D3 on the day after, D1 first in the file.
    assert users[b"ANN"]["item_ids"].tolist() == [b"D2", b"D1", b"D3"]
    assert users[b"ANN"]["timestamps"].tolist() == [
        1356998400,
        1357084800,
        1357084800,
    ]
    # Bo reviewed both on one day.
    assert users[b"BO"]["item_ids"].tolist() == [b"D1", b"D2"]
    assert users[b"CY"]["item_ids"].tolist() == [b"D2"]
    assert users[b"CY"]["item_id"] == users[b"CY"]["title"] == b""


def test_items_are_the_reviewed_ones_with_clean_titles(builder):
    items = read_examples(builder, "items", "item_id")

    # D8 and D9 have metadata and no review; D2's metadata have no title.
    assert {key: item["title"].decode() for key, item in items.items()} == {
        b"D1": "Nan's Rose & Lime Soap",
        b"D2": "",
        b"D3": "Crème of Nettles",
    }
    assert items[b"D1"]["user_id"] == b""
    assert items[b"D1"]["item_ids"].shape == (0,)
    assert items[b"D1"]["timestamps"].shape == (0,)


def test_interactions_can_be_made_of_it(builder):
    interactions = Interactions.from_tfds(builder)

    assert interactions.num_interactions == 6
    assert interactions.item_metadata.loc["D3", "title"] == "Crème of Nettles"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"reviewerID": "ANN", "asin"', "be one JSON object"),
        ("[1, 2]", "be one JSON object"),
        ("", "be one JSON object"),
        (
            '{"reviewerID": "ANN", "unixReviewTime": 5}',
            "have a key 'asin' of type str",
        ),
        (GOOD_REVIEW.replace("5", '"5"'), "have a key 'unixReviewTime'"),
        (GOOD_REVIEW.replace("5", "null"), "have a key 'unixReviewTime'"),
        (GOOD_REVIEW.replace("5", "-5"), "not negative"),
        (GOOD_REVIEW.replace("ANN", ""), "have ids"),
    ],
)
def test_bad_review_is_named_by_file_and_line(tmp_path, line, message):
    write_raw(tmp_path, reviews=(GOOD_REVIEW, line))

    with pytest.raises(ValueError, match="line 2") as error:
        load_dataset("amazon_beauty", tmp_path)
    assert message in str(error.value)
    assert str(tmp_path / REVIEWS) in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{'asin': 'D1', 'title': ", "be one JSON object"),
        ("{'asin': 'D1', 'title': open('x')}", "be one JSON object"),
        ("{'title': 'Soap'}", "have a key 'asin'"),
    ],
)
def test_bad_metadata_is_named_by_file_and_line(tmp_path, line, message):
    write_raw(tmp_path, metadata=("{'asin': 'D9'}", line))

    with pytest.raises(ValueError, match="line 2") as error:
        load_dataset("amazon_beauty", tmp_path)
    assert message in str(error.value)
    assert str(tmp_path / METADATA) in str(error.value)


def test_no_reviews(tmp_path):
    write_raw(tmp_path, reviews=())

    with pytest.raises(ValueError, match="must hold reviews"):
        load_dataset("amazon_beauty", tmp_path)


def test_real_data_have_the_sizes_of_the_paper(data_dir):
    interactions = load_dataset("amazon_beauty", data_dir)

    # Table 1 of the paper.
    assert interactions.num_users == 22_363
    assert interactions.num_items == 12_101
    assert interactions.num_interactions == 198_502
    assert f"{interactions.density:.2%}" == "0.07%"
    assert (interactions.item_metadata["title"] != "").all()
    # The results of this repository were measured on just these.
    measured = sorted(CELLS.glob("*/seed0.json"))
    assert measured or not CELLS.exists()
    for path in measured:
        assert (
            json.loads(path.read_text())["data_fingerprint"]
            == interactions.fingerprint
        ), path
