"""The command `timirec`: finds the verb and reports errors in one line."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

import tensorflow as tf

import tfrs_timirec
from tfrs_timirec.training import tune_for_cpu

# In the order of the help.
_VERBS = (
    "demo",
    "train",
    "evaluate",
    "export",
    "recommend",
    "recommend-all",
    "serve",
    "reproduce",
    "tune",
    "data",
)

# What goes on where it stopped.
_RESUMED = ("demo", "train", "recommend-all", "reproduce", "tune")

_DESCRIPTION = """\
Trains and evaluates TiMiRec, a recommender that models several interests of a
user and predicts which of them comes next.
"""

_EPILOG = """\
Start here:
  timirec demo
      simulated viewers, both training stages, figures; one to three minutes
  timirec train --dataset household_tv/tiny --model timirec
      the smallest run: half a minute
  timirec train --interactions my_log.csv --model timirec
      your own log, columns user_id, item_id, timestamp

'timirec VERB --help' explains a verb and shows more examples.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a verb.

    Args:
        arguments: the words after `timirec`; those of the process by default.

    Returns:
        The exit code: 0, 2 for an error that the message explains, 130 for
        an interruption from the keyboard.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    words = words or ["--help"]
    parsed, unknown = _parser().parse_known_args(
        words, argparse.Namespace(words=words)
    )
    if unknown:
        parsed.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    tune_for_cpu()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # Beam's, of what only Google Cloud needs.
    logging.getLogger().addFilter(
        lambda record: "apitools not found" not in record.getMessage()
    )
    if getattr(parsed, "strategy", None) is None:  # It joins a cluster first.
        _start_tensorflow_quietly()
    try:
        return parsed.run(parsed)
    except (ValueError, OSError) as error:
        print(f"error: {_in_flags(str(error))}", file=sys.stderr)
        return 2
    except tf.errors.ResourceExhaustedError as error:
        print(
            "error: no memory or disk space is left:"
            f" {error.message.splitlines()[0]} Free"
            " some, and give the same command again.",
            file=sys.stderr,
        )
        return 2
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        print(
            "error: another process of this run has gone:"
            f" {error.message.splitlines()[0]}. Start all of them again with"
            " the same commands; they go on from the last backup.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        if words[0] in _RESUMED:
            print(
                "The same command goes on where this one stopped.",
                file=sys.stderr,
            )
        return 130


def _start_tensorflow_quietly() -> None:
    """Lets TensorFlow say what it says of each machine where nobody reads it.

    That is which devices there are not, at the first transposition of integers
    what oneDNN cannot do, and in the first session, which the server has, which
    pass is off. It is written to the file descriptor, past `sys.stderr`.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        tf.config.list_logical_devices()
        tf.transpose(tf.zeros((1, 1), tf.int32))
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            session.run(tf.zeros(()) + 1.0)
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in one line, without the usage of some forty flags."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; see '{self.prog} --help'\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="timirec",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"timirec {tfrs_timirec.__version__}",
    )
    subparsers = parser.add_subparsers(metavar="VERB", required=True)
    for verb in _VERBS:
        name = verb.replace("-", "_")
        module = importlib.import_module(f"tfrs_timirec.cli.{name}")
        verb_parser = module.add_parser(subparsers)
        verb_parser.set_defaults(run=module.run, parser=verb_parser)
    return parser


def _in_flags(message: str) -> str:
    """Writes an argument that a message asks for as on the command line."""
    return re.sub(
        r"`(\w+)=\.\.\.`",
        lambda name: f"--{name[1].replace('_', '-')}",
        message,
    )
