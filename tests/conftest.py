"""What every test shares: quiet logs, seeds, folders of files and real data."""

import atexit
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

# Read when TensorFlow and TFDS are imported, hence set before any test is.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TFDS, Beam and TensorFlow leave temporary files behind, by the hundreds. Here
# and in the processes that tests start they lie in one folder, which goes away
# with this process; pytest's own folders stay where one looks for them.
_FOLDER = tempfile.mkdtemp(prefix="timirec-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
os.environ["TMPDIR"] = tempfile.tempdir = _FOLDER
os.environ["TFDS_DATA_DIR"] = f"{_FOLDER}/tfds"  # Not the user's data sets.


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
