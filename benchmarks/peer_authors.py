"""Times the training and validation of the authors' code; see `peers.py`.

    PYTHON benchmarks/peer_authors.py CODE FOLDER EPOCHS MODEL [FLAG ...]

CODE is a checkout of the authors' code, FOLDER holds `log/{train,dev,test}.csv`
and FLAGs are those of their `main.py`. Prints a line of JSON for each thing
timed. It calls what their `main.py` calls, and writes nothing into CODE.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import pathlib
import pickle
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def main() -> None:
    """Prints what was timed."""
    code, folder, epochs, name, *flags = sys.argv[1:]
    sys.path.insert(0, str(pathlib.Path(code).resolve() / "src"))
    os.chdir(folder)  # They read and write beside the working folder.
    np.object = object  # Their code is older than NumPy 1.24.
    logging.disable(logging.CRITICAL)
    model_class = _load("models.sequential", name)
    reader_class = _load("helpers", model_class.reader)
    runner_class = _load("helpers", model_class.runner)
    parser = argparse.ArgumentParser()
    for add in (
        reader_class.parse_data_args,
        runner_class.parse_runner_args,
        model_class.parse_model_args,
    ):
        parser = add(parser)
    parser.set_defaults(
        path="", dataset="log", device=torch.device("cpu"), random_seed=0
    )
    args = parser.parse_args(flags)
    torch.manual_seed(0)
    np.random.seed(0)
    corpus = _read_once(pathlib.Path("corpus.pickle"), reader_class, args)
    model = model_class(args, corpus)
    runner = runner_class(args)
    train = model_class.Dataset(model, corpus, "train")
    validation = model_class.Dataset(model, corpus, "dev")
    train.prepare()
    validation.prepare()
    _time("an epoch", len(train), int(epochs), lambda: runner.fit(train))
    _time(
        "validation",
        len(validation),
        int(epochs),
        lambda: runner.evaluate(validation, runner.topk, runner.metrics),
    )


def _load(package: str, name: str) -> Any:
    return getattr(importlib.import_module(f"{package}.{name}"), name)


def _read_once(path: pathlib.Path, reader_class: Any, args: Any) -> Any:
    """Reads their text files, or what was read of them before."""
    if path.exists():
        return pickle.loads(path.read_bytes())
    corpus = reader_class(args)
    path.write_bytes(pickle.dumps(corpus))
    return corpus


def _time(
    what: str, count: int, repeats: int, call: Callable[[], object]
) -> None:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "what": what,
                "count": count,
                "seconds": statistics.median(times[1:]),
                "version": f"torch {torch.__version__}",
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
