"""Compares a training step with what the machine could do at best.

    python benchmarks/step_limits.py --data-dir FOLDER

Counts the floating-point operations and the bytes that a step of batch 256
cannot do without, measures the machine's ceilings (a matrix product and a copy
of TensorFlow's own, on as many cores as the step has), and prints how near the
step comes to the larger of the two times.
"""

from __future__ import annotations

import argparse
import functools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from reporting import Report, add_json_argument, median_seconds

from tfrs_timirec.data import LeaveOneOut, load_dataset, training_dataset
from tfrs_timirec.experiments import TrainingSettings, preset
from tfrs_timirec.training import tune_for_cpu

_FLOAT = 4  # Bytes.


def main() -> None:
    """Prints a row for each model and stage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="amazon_beauty")
    parser.add_argument("--data-dir", help="folder of the raw files")
    models = ["timirec", "timirec_plus"]
    parser.add_argument("--models", nargs="+", default=models, choices=models)
    parser.add_argument("--repeats", type=int, default=5)
    add_json_argument(parser)
    args = parser.parse_args()
    tune_for_cpu()
    report = Report("step_limits", args)
    split = LeaveOneOut(load_dataset(args.dataset, args.data_dir))
    product, copy = _operations_per_second(), _bytes_per_second()
    for name in args.models:
        settings = preset(name, args.dataset, "paper")
        model = settings.build_model(split.interactions.vocabulary_size)
        batches = training_dataset(split, batch_size=settings.batch_size)
        items = _items_per_batch(split, settings.batch_size)
        for stage in model.stages:
            model.set_stage(stage)
            epoch = functools.partial(model.fit, batches, verbose=0)
            seconds = median_seconds(epoch, args.repeats) / len(batches)
            operations = _operations(settings, stage, items)
            moved = _bytes(model)
            limit = max(operations / product, moved / copy)
            report.add(
                model=name,
                stage=stage,
                megaflop=operations / 1e6,
                megabytes=moved / 1e6,
                product_gigaflop_per_second=product / 1e9,
                copy_gigabytes_per_second=copy / 1e9,
                limit_milliseconds=limit * 1e3,
                step_milliseconds=seconds * 1e3,
                share_of_limit=limit / seconds,
            )
    report.finish()


def _items_per_batch(split: LeaveOneOut, batch_size: int) -> float:
    """Returns how many history items a batch has on average."""
    log = split.interactions
    positions = split.train_positions
    starts = log.row_splits[log.user_indices[positions]]
    return float(np.minimum(positions - starts, 20).mean() * batch_size)


def _operations(settings: TrainingSettings, stage: str, items: float) -> float:
    """Returns the multiplications and additions of a step.

    Forward once, backward twice as much; per item of a history: the attention
    and the sum of the interests, with a transformer layer its projections
    (its attention is quadratic in 6 items and left out), with a predictor the
    GRU's two products. Scores and Adam add a per cent.
    """
    dim, interests = settings.embedding_dim, settings.num_interests
    per_item = 2 * dim * (settings.attention_dim + interests)
    if settings.model.endswith("_plus"):
        per_item += 2 * dim * (3 * dim + 2 * dim)
    if stage == "finetuning":
        per_item += 2 * 2 * dim * 3 * dim
    return 3 * per_item * items


def _bytes(model: tf.keras.Model) -> float:
    """Returns what Adam with weight decay must move in a step.

    Weight, both moments and gradient are read, the first three are written;
    the gradient is written before. The tables are all that counts.
    """
    weights = sum(int(np.prod(w.shape)) for w in model.stage_variables)
    return 8 * weights * _FLOAT


def _operations_per_second(size: int = 1024) -> float:
    """Returns the speed of as many products at once as there are cores."""
    cores = len(os.sched_getaffinity(0))
    matrices = [tf.random.normal((size, size)) for _ in range(cores)]

    @tf.function
    def multiply() -> list[tf.Tensor]:
        return [tf.reduce_sum(tf.matmul(m, m)) for m in matrices]

    return cores * 2 * size**3 / median_seconds(multiply, 10)


def _bytes_per_second(rows: int = 12_103, dim: int = 64) -> float:
    """Returns the speed of one copy of a table a core, reads and writes."""
    cores = len(os.sched_getaffinity(0))
    tables = [tf.random.normal((rows, dim)) for _ in range(cores)]
    copies = 20

    @tf.function
    def copy() -> list[tf.Tensor]:
        results = []
        for table in tables:
            for _ in range(copies):
                with tf.control_dependencies([table]):
                    table = tf.raw_ops.DeepCopy(x=table)  # noqa: PLW2901
            results.append(table[0, 0])
        return results

    moved = cores * copies * 2 * rows * dim * _FLOAT
    return moved / median_seconds(copy, 10)


if __name__ == "__main__":
    main()
