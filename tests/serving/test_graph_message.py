"""What is left of a graph's error for those who sent the request."""

import pytest
import tensorflow as tf

from tfrs_timirec.serving.graph_message import graph_message


@pytest.mark.parametrize(
    "preface",
    [
        "",
        "Graph execution error:\n\nDetected at x\n<stack traces unavailable>\n",
    ],
)
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("", "`k` is wrong:"),
        (" [2 1]", "`k` is wrong: 2 1"),
        (" [3] [4 5] [6]", "`k` is wrong: 3 4 5 6"),
    ],
)
def test_an_assertion_has_no_brackets(values, expected, preface):
    message = (
        f"{preface}assertion failed: [`k` is wrong:]{values}\n\t [[{{n}}]]"
    )

    error = tf.errors.InvalidArgumentError(None, None, message)

    assert graph_message(error) == expected
