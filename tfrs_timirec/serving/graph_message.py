"""What a graph says of a request that it refuses."""

from __future__ import annotations

import re

import tensorflow as tf

_PYTHONS_PREFACE = re.compile(
    r"\AGraph execution error:\n\n"
    r"(?:Detected at .*?\n(?:Node: [^\n]*|<stack traces unavailable>)\n)?",
    re.DOTALL,
)
_ASSERTION = re.compile(r"\Aassertion failed: \[(.*)\]\Z", re.DOTALL)


def graph_message(error: tf.errors.OpError) -> str:
    """Returns an error's own words.

    Args:
        error: what a session or a function raised; what Python adds to its
            message, nodes and where they were made, is left out, and so are
            the brackets of an assertion.
    """
    message = (error.message or type(error).__name__).split("\n\t [[", 1)[0]
    message = _PYTHONS_PREFACE.sub("", message)
    assertion = _ASSERTION.fullmatch(message)
    # Each of its parts has brackets of its own.
    return assertion[1].replace("] [", " ") if assertion else message
