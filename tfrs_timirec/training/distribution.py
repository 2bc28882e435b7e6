"""Training on several devices or machines with `tf.distribute`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, get_args

import tensorflow as tf

from tfrs_timirec.data.batches import EvaluationCases, TrainingBatches
from tfrs_timirec.data.distributed_batches import (
    num_evaluation_steps,
    sliced_evaluation_dataset,
    sliced_training_dataset,
    worker_training_dataset,
)
from tfrs_timirec.training.chief_validation import ChiefValidation

StrategyName = Literal["mirrored", "multi_worker", "parameter_server"]
STRATEGY_NAMES: tuple[str, ...] = get_args(StrategyName)

# A variable of as many rows is a table of items or users: parameter servers
# divide it by rows. All others are read as a whole in every step.
MIN_TABLE_ROWS = 1024

# TensorFlow's guide asks for more threads than there are workers.
_MIN_SERVER_THREADS = 16


def join_cluster(name: StrategyName) -> tf.distribute.Strategy:
    """Returns the strategy of a name, for this process as `TF_CONFIG` has it.

    - "mirrored": all GPUs of this machine, or the CPU; needs no `TF_CONFIG`;
    - "multi_worker": the same on several machines in step, each with a copy of
      all variables;
    - "parameter_server": tables divided over the tasks "ps", steps taken by the
      tasks "worker" without waiting for each other. Only the task "chief"
      returns; the others serve it until their process is ended.

    Call it before anything else of TensorFlow.

    Args:
        name: the name.

    Raises:
        ValueError: if the name is unknown, or `TF_CONFIG` is no JSON, names no
            task that the strategy has, or lacks those that it needs.

    Example:
    >>> strategy = join_cluster("mirrored")
    """
    if name not in STRATEGY_NAMES:
        raise ValueError(
            f"`name` must be one of {', '.join(STRATEGY_NAMES)}."
            f" Received: name={name!r}"
        )
    if name == "mirrored":
        # What is the default on CPUs cannot exchange rows within a loop.
        return tf.distribute.MirroredStrategy(
            cross_device_ops=tf.distribute.NcclAllReduce()
            if tf.config.list_logical_devices("GPU")
            else tf.distribute.ReductionToOneDevice()
        )
    cluster = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    tasks, needed = {"chief", "worker"}, set()
    if name == "parameter_server":
        tasks, needed = {"chief", "worker", "ps"}, {"worker", "ps"}
    try:
        fits = cluster.task_type in tasks
        fits = fits and needed <= set(cluster.cluster_spec().jobs)
    except ValueError:  # It is no JSON.
        fits = False
    if not fits:
        others = (
            f", and who are {' and '.join(sorted(needed))}" if needed else ""
        )
        raise ValueError(
            "`TF_CONFIG` must say which task this process is:"
            f" {', '.join(sorted(tasks))}{others}. Received:"
            f" TF_CONFIG={os.environ.get('TF_CONFIG')!r}. Set it to JSON as"
            ' {"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task":'
            ' {"type": "worker", "index": 0}}.'
        )
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy(cluster)
    # A call to a task that is gone fails at once instead of waiting for it.
    os.environ.setdefault("GRPC_FAIL_FAST", "use_caller")
    # A call that waits for another process keeps its thread.
    num_threads = len(cluster.cluster_spec().job_tasks("worker")) + 1
    num_threads = max(_MIN_SERVER_THREADS, num_threads)
    tf.config.threading.set_inter_op_parallelism_threads(num_threads)
    if cluster.task_type != "chief":
        tf.distribute.Server(
            cluster.cluster_spec(),
            job_name=cluster.task_type,
            task_index=cluster.task_id,
            protocol="grpc",
            config=tf.compat.v1.ConfigProto(
                inter_op_parallelism_threads=num_threads
            ),
        ).join()
    num_servers = len(cluster.cluster_spec().job_tasks("ps"))
    return tf.distribute.ParameterServerStrategy(
        cluster,
        variable_partitioner=lambda shape, **kwargs: table_partitions(
            shape, num_servers
        ),
    )


def table_partitions(shape: Sequence[int], num_servers: int) -> list[int]:
    """Returns into how many parts each axis of a variable is divided.

    Args:
        shape: shape of the variable.
        num_servers: number of parameter servers.

    Example:
    >>> table_partitions((12_103, 64), num_servers=2)
    [2, 1]
    """
    is_table = len(shape) == 2 and shape[0] >= MIN_TABLE_ROWS
    return [num_servers if is_table else 1] + [1] * (len(shape) - 1)


def is_chief(strategy: tf.distribute.Strategy | None) -> bool:
    """Returns whether this process is the one that writes files.

    Args:
        strategy: the strategy, if there is one.

    Example:
    >>> is_chief(tf.distribute.MirroredStrategy())
    True
    """
    if strategy is None or not is_multi_worker(strategy):
        return True
    cluster = strategy.cluster_resolver
    if "chief" in cluster.cluster_spec().jobs:
        return cluster.task_type == "chief"
    return cluster.task_id == 0


def is_multi_worker(strategy: tf.distribute.Strategy | None) -> bool:
    """Returns whether several processes run the same program in step.

    Their steps cannot run in a loop (`steps_per_execution`): an exchange of
    rows between processes is made for one number of rows, and the steps of a
    loop have different ones.

    Args:
        strategy: the strategy, if there is one.
    """
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def check_same_start(strategy: tf.distribute.Strategy, epoch: int) -> None:
    """Makes sure that all workers go on from the same epoch.

    Args:
        strategy: the strategy.
        epoch: the first epoch of this worker.

    Raises:
        ValueError: if another worker has another one.
    """
    number = strategy.num_replicas_in_sync
    total = _sum_over_replicas(strategy, epoch)
    if total != number * epoch:
        raise ValueError(
            "All workers must see the same run folder, and start together."
            f" Received: backup of {epoch} epochs, while the {number} replicas"
            f" have {total / number:g} on average. Put the folder on a file"
            " system that all machines share."
        )


def wait_for_all(strategy: tf.distribute.Strategy | None) -> None:
    """Waits until all processes that run the same program come here.

    One that left earlier would look to the others as if it had crashed.

    Args:
        strategy: the strategy, if there is one.

    Example:
    >>> wait_for_all(strategy)  # At the end of a program.
    """
    if strategy is not None and is_multi_worker(strategy):
        _sum_over_replicas(strategy, 0)


def _sum_over_replicas(strategy: tf.distribute.Strategy, number: int) -> int:
    @tf.function
    def total() -> tf.Tensor:
        numbers = strategy.run(lambda: tf.constant(number))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, numbers, axis=None)

    return int(total())


def fit_arguments(
    strategy: tf.distribute.Strategy | None,
    batches: TrainingBatches,
    cases: EvaluationCases,
    first_epoch: int = 0,
) -> dict[str, Any]:
    """Returns the arguments of `model.fit` that say what it trains on.

    With a synchronous strategy the replicas share every batch and every case,
    so that the numbers are those of one replica, but for the order of sums and
    for dropout, of which each replica draws its own.
    With parameter servers each worker takes whole batches of its own, and the
    chief validates alone.

    Args:
        strategy: the strategy whose scope the model was made in, if there is
            one.
        batches: what to train on.
        cases: what to validate on.
        first_epoch: number of the first epoch.

    Raises:
        ValueError: if there are fewer cases than replicas. With fewer batches
            than workers of parameter servers, `fit` raises it.

    Example:
    >>> arguments = fit_arguments(strategy, batches, cases)
    >>> callbacks = [*arguments.pop("callbacks"), StagedTraining()]
    >>> model.fit(**arguments, epochs=400, callbacks=callbacks)
    """
    if strategy is None:
        return {
            "x": batches.dataset(first_epoch),
            "validation_data": cases.dataset(),
            "callbacks": [],
        }
    if isinstance(strategy, tf.distribute.ParameterServerStrategy):
        devices = [
            tf.DeviceSpec.from_string(device.name)
            for device in tf.config.list_logical_devices("CPU")
        ]
        workers = {d.task for d in devices if d.job == "worker"}

        def worker_dataset(
            context: tf.distribute.InputContext,
        ) -> tf.data.Dataset:
            coordinator = tf.distribute.coordinator
            worker = coordinator.experimental_get_current_worker_index()
            return worker_training_dataset(
                batches, worker, len(workers), first_epoch
            )

        return {
            "x": tf.keras.utils.experimental.DatasetCreator(worker_dataset),
            "steps_per_epoch": batches.num_batches,
            "callbacks": [ChiefValidation(cases)],
        }
    return {
        "x": strategy.distribute_datasets_from_function(
            lambda context: sliced_training_dataset(
                batches, context, first_epoch
            )
        ),
        "steps_per_epoch": batches.num_batches,
        "validation_data": strategy.distribute_datasets_from_function(
            lambda context: sliced_evaluation_dataset(cases, context)
        ),
        "validation_steps": num_evaluation_steps(
            cases, strategy.num_replicas_in_sync
        ),
        "callbacks": [],
    }
