"""Runs requests, those that wait together as one batch."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import dataclasses
import functools
import logging
from collections.abc import Hashable, Sequence

import grpc

from tfrs_timirec.serving.server.metrics import Metrics
from tfrs_timirec.serving.server.micro_batches import (
    Arrays,
    BatchPlan,
    merge,
    plan_batching,
    split,
)
from tfrs_timirec.serving.server.rare_log import RareLog
from tfrs_timirec.serving.server.servable import Servable
from tfrs_timirec.serving.server.serving_error import (
    ServingError,
    invalid_argument,
)
from tfrs_timirec.serving.server.signature import Signature

_log = logging.getLogger(__name__)
_GIVEN_UP = ServingError(grpc.StatusCode.CANCELLED, "The request was given up")


@dataclasses.dataclass(eq=False)
class _Task:
    servable: Servable
    signature: Signature
    inputs: Arrays
    plan: BatchPlan
    answer: asyncio.Future[Arrays]


class MicroBatcher:
    """Runs what waits, as one batch where that is possible.

    No request waits for others: a free thread takes the oldest request and
    those that wait and fit. Batches grow with the load by themselves, and
    alone a request is as fast as without batching.

    Args:
        num_threads: batches that run at the same time.
        max_batch_size: rows of a batch, and of a request.
        max_queued: requests that wait; more are refused as UNAVAILABLE.
        merges: whether requests become one batch at all.
        metrics: where batches are counted.
    """

    def __init__(
        self,
        *,
        num_threads: int,
        max_batch_size: int,
        max_queued: int,
        merges: bool,
        metrics: Metrics,
    ):
        self.max_batch_size = max_batch_size
        self.max_queued = max_queued
        self.merges = merges
        self._metrics = metrics
        self._num_free = num_threads
        self._threads = concurrent.futures.ThreadPoolExecutor(
            num_threads, "timirec-run"
        )
        # What may become one batch; the queues take turns.
        self._queues: collections.OrderedDict[
            Hashable, collections.deque[_Task]
        ] = collections.OrderedDict()
        self._num_queued = 0
        self._refusals = RareLog(_log)
        self._running: dict[asyncio.Task[None], Servable] = {}

    async def run(
        self, servable: Servable, signature: Signature, inputs: Arrays
    ) -> Arrays:
        """Returns the outputs of a request.

        Args:
            servable: the version that answers.
            signature: what is asked for.
            inputs: arrays that fit the signature.

        Raises:
            ServingError: if the graph refuses the inputs, the request has too
                many rows, or too many requests wait.
        """
        plan = plan_batching(signature, inputs)
        if plan.num_rows > self.max_batch_size:
            raise invalid_argument(
                f"Task size {plan.num_rows} is larger than maximum input batch"
                f" size {self.max_batch_size}"
            )
        if self._num_queued >= self.max_queued:
            self._refusals.warn(
                f"The queue is full: {self._num_queued:,} requests wait, and"
                " others are refused"
            )
            raise ServingError(
                grpc.StatusCode.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted"
                " is full",
            )
        answer = asyncio.get_running_loop().create_future()
        task = _Task(servable, signature, inputs, plan, answer)
        key: Hashable = task  # Of no other request.
        if self.merges and plan.key is not None:
            key = (servable, plan.key)
        self._queues.setdefault(key, collections.deque()).append(task)
        self._num_queued += 1
        servable.acquire()
        self._start_batches()
        try:
            return await answer
        except asyncio.CancelledError:
            self._give_up(key, task)
            raise

    async def close(self) -> None:
        """Ends the threads; what still runs is cancelled.

        To be called when every request was answered or given up.
        """
        for servable in self._running.values():
            servable.cancel()
        while self._running:
            await asyncio.wait(self._running)
        self._threads.shutdown()

    def _give_up(self, key: Hashable, task: _Task) -> None:
        """Takes a request whose client has gone out of its queue."""
        queue = self._queues.get(key)
        if queue is None or task not in queue:
            return  # It runs, and ends by itself.
        queue.remove(task)
        if not queue:
            del self._queues[key]
        self._num_queued -= 1
        self._metrics.queued.set(self._num_queued)
        task.servable.release()

    def _start_batches(self) -> None:
        while self._num_free and (batch := self._next_batch()):
            self._num_free -= 1
            running = asyncio.create_task(self._run_batch(batch))
            self._running[running] = batch[0].servable
            running.add_done_callback(self._running.pop)
        self._metrics.queued.set(self._num_queued)

    def _next_batch(self) -> list[_Task]:
        """Takes requests with one key; none if none waits."""
        batch: list[_Task] = []
        if self._queues:
            key, queue = next(iter(self._queues.items()))
            num_rows = 0
            while queue:
                num_rows += queue[0].plan.num_rows
                if batch and num_rows > self.max_batch_size:
                    break
                batch.append(queue.popleft())
                self._num_queued -= 1
            if queue:
                self._queues.move_to_end(key)
            else:
                del self._queues[key]
        return batch

    async def _run_batch(self, batch: list[_Task]) -> None:
        results: list[Arrays | Exception] = [
            _internal("The batch was broken off") for _ in batch
        ]
        try:
            self._metrics.batch_rows.observe(
                sum(task.plan.num_rows for task in batch)
            )
            results = await asyncio.get_running_loop().run_in_executor(
                self._threads, functools.partial(_answer, batch)
            )
        except Exception:  # noqa: BLE001
            _log.exception("A batch failed")
        finally:
            # Whatever happens: the slot is free, and nobody waits for ever.
            self._num_free += 1
            for task in batch:
                task.servable.release()
            for task, result in zip(batch, results, strict=True):
                if task.answer.done():
                    continue
                if isinstance(result, Exception):
                    task.answer.set_exception(result)
                else:
                    task.answer.set_result(result)
            self._start_batches()


def _answer(batch: Sequence[_Task]) -> list[Arrays | Exception]:
    """Computes a batch in a thread; one bad request does not spoil it."""
    servable, signature = batch[0].servable, batch[0].signature
    if len(batch) > 1:
        try:
            inputs = merge(signature, [task.inputs for task in batch])
            outputs = servable.run(signature, inputs)
            return list(split(outputs, [task.plan.num_rows for task in batch]))
        # Each request alone tells whose fault it is.
        except (ServingError, ValueError):
            pass
        except Exception:  # noqa: BLE001
            _log.exception("A batch failed; each of its requests runs alone")
    results: list[Arrays | Exception] = []
    for task in batch:
        if task.answer.done():  # The client has gone meanwhile.
            results.append(_GIVEN_UP)
            continue
        try:
            results.append(servable.run(signature, task.inputs))
        except ServingError as error:
            if error.is_ours:
                _log.error("A request failed: %s", error.message)
            results.append(error)
        except Exception as error:  # noqa: BLE001
            _log.exception("A request failed")
            results.append(_internal(type(error).__name__))
    return results


def _internal(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.INTERNAL, message)
