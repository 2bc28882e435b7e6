"""The data set `movielens_sequences`, from made-up files and the real ones."""

import zipfile

import pytest
import tensorflow_datasets as tfds
from tfrs_timirec.datasets.movielens_sequences import (
    movielens_sequences_dataset_builder,
)

import tfrs_timirec  # noqa: F401
from tests.datasets.raw_data import prepare, read_examples
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.loading import load_dataset

Builder = movielens_sequences_dataset_builder.Builder
DUMMY_DATA = Builder.pkg_dir_path / "dummy_data"
RATING = "1::7::5::970000300"
FILM = "7::Nine Lamps (1987)::Drama"


class Movielens100kTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["100k"]
    SPLITS = {"users": 2, "items": 3}
    EXAMPLE_DIR = str(DUMMY_DATA)


class Movielens1mTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["1m"]
    SPLITS = {"users": 2, "items": 2}
    EXAMPLE_DIR = str(DUMMY_DATA)


def write_raw(folder, ratings=(RATING,), films=(FILM,)):
    """Writes `ml-1m.zip` from the lines of its two files."""
    with zipfile.ZipFile(folder / "ml-1m.zip", "w") as archive:
        for name, lines in (("ratings.dat", ratings), ("movies.dat", films)):
            text = "".join(f"{line}\n" for line in lines)
            archive.writestr(f"ml-1m/{name}", text.encode("latin-1"))
    return folder / "ml-1m.zip"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return prepare("movielens_sequences/100k", DUMMY_DATA, tmp_path_factory)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return prepare("movielens_sequences/1m", DUMMY_DATA, tmp_path_factory)


def test_users_of_100k(small):
    users = read_examples(small, "users", "user_id")

    assert sorted(users) == [1, 2]
    # In the file: 11 at ...200, then 10 and 12 at ...100 in this order.
    assert users[1]["item_ids"].tolist() == [10, 12, 11]
    assert users[1]["ratings"].tolist() == [4, 2, 5]
    assert users[1]["timestamps"].tolist() == [
        900000100,
        900000100,
        900000200,
    ]
    assert users[2]["item_ids"].tolist() == [10, 12]
    assert users[2]["ratings"].tolist() == [3, 1]
    assert users[2]["genres"].shape == (0,)


def test_items_of_100k(small):
    items = read_examples(small, "items", "item_id")

    assert {
        key: (item["title"].decode(), item["genres"].tolist())
        for key, item in items.items()
    } == {
        10: ("Café of Clouds, The (1991)", [b"Comedy", b"Romance"]),
        11: ("Nine Lamps (1987)", [b"Western"]),
        12: ("unknown", [b"unknown"]),
    }
    assert items[10]["user_id"] == 0
    assert items[10]["ratings"].shape == (0,)


def test_users_and_items_of_1m(large):
    users = read_examples(large, "users", "user_id")
    items = read_examples(large, "items", "item_id")

    assert users[1]["item_ids"].tolist() == [8, 7]
    assert users[1]["ratings"].tolist() == [4, 5]
    assert users[2]["item_ids"].tolist() == [8, 7]
    assert users[2]["ratings"].tolist() == [3, 2]
    # Film 9 has no rating.
    assert {
        key: (item["title"].decode(), item["genres"].tolist())
        for key, item in items.items()
    } == {
        7: ("Café of Clouds, The (1991)", [b"Comedy", b"Romance"]),
        8: ("Harbour: The Return (1999)", [b"Sci-Fi"]),
    }


def test_interactions_keep_ratings_titles_and_genres(large):
    interactions = Interactions.from_tfds(large)

    assert interactions.users.tolist() == [1, 2]
    assert interactions.items.tolist() == [7, 8]
    assert interactions.columns["ratings"].tolist() == [4, 5, 3, 2]
    assert interactions.item_metadata.loc[7, "genres"] == ["Comedy", "Romance"]


@pytest.mark.parametrize(
    "line", ["1::7::5", "1::seven::5::970000300", "", "1,7,5,970000300"]
)
def test_bad_rating_is_named_by_file_and_line(tmp_path, line):
    path = write_raw(tmp_path, ratings=(RATING, RATING, line))

    with pytest.raises(ValueError, match="line 3") as error:
        load_dataset("movielens_sequences/1m", tmp_path)
    assert f"{path}:ml-1m/ratings.dat" in str(error.value)
    assert "user, film, rating and time" in str(error.value)


@pytest.mark.parametrize("line", ["7::Nine Lamps (1987)", "x::Title::Drama"])
def test_bad_film_is_named_by_file_and_line(tmp_path, line):
    path = write_raw(tmp_path, films=(line, FILM))

    with pytest.raises(ValueError, match="line 1") as error:
        load_dataset("movielens_sequences/1m", tmp_path)
    assert f"{path}:ml-1m/movies.dat" in str(error.value)


def test_no_ratings(tmp_path):
    write_raw(tmp_path, ratings=())

    with pytest.raises(ValueError, match="must hold ratings"):
        load_dataset("movielens_sequences/1m", tmp_path)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("movielens_sequences/100k", (943, 1_682, 100_000)),
        # Without the ratings below 3, as the file at hand.
        ("movielens_sequences/1m", (6_038, 3_307, 835_789)),
    ],
)
def test_real_data(data_dir, name, sizes):
    interactions = load_dataset(name, data_dir)

    assert (
        interactions.num_users,
        interactions.num_items,
        interactions.num_interactions,
    ) == sizes
    assert len(interactions.columns["ratings"]) == sizes[2]
    assert (interactions.item_metadata["title"] != "").all()
    assert interactions.item_metadata["genres"].str.len().min() >= 1
