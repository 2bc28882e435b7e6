"""What a graph says of a request that it refuses."""

from __future__ import annotations

import re

import tensorflow as tf

_PYTHONS_PREFACE = re.compile(
    r"\AGraph execution error:\n\n"
    r"(?:Detected at .*?\n(?:Node: [^\n]*|<stack traces unavailable>)\n)?",
    re.DOTALL,
)


def graph_message(error: tf.errors.OpError) -> str:
    """Returns an error's own words.

    Args:
        error: what a session or a function raised; what Python adds to its
            message, nodes and where they were made, is left out.
    """
    message = (error.message or type(error).__name__).split("\n\t [[", 1)[0]
    return _PYTHONS_PREFACE.sub("", message)
