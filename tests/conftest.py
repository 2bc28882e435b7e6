"""What every test shares: quiet logs, seeds, the folder of real data."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

# Read when TensorFlow and TFDS are imported, hence set before any test is.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
_TFDS_FOLDER = tempfile.mkdtemp(prefix="timirec-tests-tfds-")
os.environ["TFDS_DATA_DIR"] = _TFDS_FOLDER  # Not the user's own data sets.


def pytest_sessionfinish() -> None:
    shutil.rmtree(_TFDS_FOLDER, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of real data: `pytest -m "not data"` leaves them out."""
    for item in items:
        if "data_dir" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """The folder of real data files, from the environment variable."""
    value = os.environ.get("TIMIREC_DATA_DIR")
    if not value:
        pytest.skip(
            "needs real data: set TIMIREC_DATA_DIR to the folder that holds"
            " amazon_beauty/ and movielens/"
        )
    folder = pathlib.Path(value)
    if not folder.is_dir():
        pytest.fail(f"TIMIREC_DATA_DIR is not a folder. Received: {folder}")
    return folder


@pytest.fixture(autouse=True)
def _seeds() -> None:
    """Seeds Python, NumPy and TensorFlow before each test."""
    # A test that has not imported the package has no use for TensorFlow, whose
    # import takes seconds.
    if "tfrs_timirec" in sys.modules:
        import tensorflow as tf  # noqa: PLC0415

        tf.keras.utils.set_random_seed(0)
