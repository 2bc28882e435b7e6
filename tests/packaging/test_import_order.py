"""`import tfrs_timirec` beside TensorFlow, Keras 3 and TFDS, in any order.

Each case is a process of its own, for what is imported stays imported.
"""

import concurrent.futures
import os
import subprocess
import sys

import pytest

# Passes when tf.keras, `tensorflow.keras`, and the aliases are all Keras 2.
IS_KERAS_2 = """
import tensorflow as tf
from tensorflow.keras.callbacks import EarlyStopping
from tensorflow.keras import layers
for item in (
    EarlyStopping, layers.Dense, tf.keras.Model, tf.optimizers.Adam,
    tf.losses.Loss, tf.metrics.Mean, tf.initializers.Zeros,
):
    assert item.__module__.startswith("tf_keras."), item.__module__
"""


def run_python(
    code: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `code` in a fresh Python without TF_USE_LEGACY_KERAS."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name != "TF_USE_LEGACY_KERAS"
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def error_line(result: subprocess.CompletedProcess[str]) -> str:
    """The last line of a failed run: the type of the error and its message."""
    assert result.returncode == 1, result.stderr
    return result.stderr.strip().splitlines()[-1]


BEFORE = [
    "",
    "import tensorflow",
    "import keras",
    "import tensorflow_datasets",
]
TOUCH_KERAS_3 = [
    "import tensorflow as tf; tf.keras.Model",
    "import tensorflow as tf; tf.optimizers.Adam",
]


@pytest.fixture(scope="module")
def results() -> dict[str, subprocess.CompletedProcess[str]]:
    """First statement -> its process, two at a time: each takes seconds."""
    first = [*BEFORE, *TOUCH_KERAS_3]
    scripts = [f"{line}\nimport tfrs_timirec\n{IS_KERAS_2}" for line in first]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(first, pool.map(run_python, scripts), strict=True))


@pytest.mark.parametrize("before", BEFORE)
def test_import_selects_keras_2_and_prints_nothing(results, before):
    assert results[before].returncode == 0, results[before].stderr
    assert results[before].stdout == ""


@pytest.mark.parametrize("touch", TOUCH_KERAS_3)
def test_keras_3_already_behind_tf_keras_is_one_sentence(results, touch):
    line = error_line(results[touch])

    assert line.startswith("ImportError: `tfrs_timirec` needs Keras 2")
    assert "Keras 3 was loaded there first" in line
    assert "import `tfrs_timirec` before anything uses `tf.keras`" in line


def test_environment_that_asks_for_keras_3_is_not_overridden():
    result = run_python("import tfrs_timirec", TF_USE_LEGACY_KERAS="0")

    line = error_line(result)
    assert line.startswith("ImportError: `tfrs_timirec` needs Keras 2")
    assert "Received: TF_USE_LEGACY_KERAS=0" in line
    assert "unset that variable or set it to 1" in line
