"""Micro-batches: what goes together, and that answers are those of alone."""

import asyncio
import dataclasses
import pathlib
import threading

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving.server.toy_server import export_toy
from tfrs_timirec.serving.server.metrics import Metrics
from tfrs_timirec.serving.server.micro_batcher import MicroBatcher
from tfrs_timirec.serving.server.micro_batches import (
    merge,
    plan_batching,
    split,
)
from tfrs_timirec.serving.server.servable import Servable
from tfrs_timirec.serving.server.serving_error import ServingError

PATIENCE = 30  # Seconds.


@pytest.fixture(scope="module")
def servable(toy_version: pathlib.Path):
    servable = Servable(toy_version, 3)
    yield servable
    servable.close()


@pytest.fixture
def signature(servable):
    return servable.signatures["serving_default"]


def words(*rows, k=1):
    return {
        "words": np.array(
            [[word.encode() for word in row] for row in rows], object
        ),
        "k": np.array(k, np.int32),
    }


def test_rows_are_padded_to_the_longest(signature):
    merged = merge(signature, [words(["a", "b"]), words(["c"], ["d"])])

    assert merged["words"].tolist() == [[b"a", b"b"], [b"c", b""], [b"d", b""]]
    assert merged["k"].tolist() == 1


def test_answers_are_taken_apart(signature):
    outputs = {"x": np.arange(6).reshape(3, 2)}

    first, second = split(outputs, [1, 2])

    assert first["x"].tolist() == [[0, 1]]
    assert second["x"].tolist() == [[2, 3], [4, 5]]
    with pytest.raises(ValueError, match="batch of 2 rows"):
        split(outputs, [1, 1])


def test_what_goes_together(servable, signature):
    def key(inputs, of=signature):
        return plan_batching(of, inputs).key

    base = words(["a"])
    assert key(base) == key(words(["a", "b"], ["c", "d"])) is not None
    assert key(base) != key(words(["a"], k=2))
    # Long rows are not padded into short ones: 33 words are not up to 32.
    assert key(words(["a"] * 32)) == key(base)
    assert key(words(["a"] * 33)) != key(base)
    assert key(words(["a"] * 33)) == key(words(["a"] * 64))
    # 8,192 elements are the most, k among them.
    assert key(words(["a"] * 8_191)) is not None
    assert key(words(["a"] * 8_192)) is None
    # No row: it must run alone.
    assert key({**base, "words": np.zeros((0, 1), object)}) is None

    double = servable.signatures["double"]
    rows = {"numbers": np.zeros((2, 2), np.float32)}
    one = {"numbers": np.zeros((1, 2), np.float32)}
    assert key(rows, double) == key(one, double) != key(base)


def test_without_a_padding_value_shapes_must_be_equal(signature):
    plain = dataclasses.replace(signature, padding={})

    keys = {
        plan_batching(plain, words(row)).key
        for row in (["a"], ["b"], ["a", "b"])
    }
    assert len(keys) == 2


def test_lists_are_not_widened_by_another_requests(signature):
    """What may be a scalar, but comes as one value a row."""
    length = dataclasses.replace(
        signature.inputs["k"], shape=tf.TensorShape(None)
    )
    loose = dataclasses.replace(
        signature, inputs={**signature.inputs, "k": length}
    )

    one, alike, longer = (
        plan_batching(loose, words(*rows, k=k)).key
        for rows, k in (
            ([["a"]], [1]),
            ([["a"], ["b"]], [1, 1]),
            ([["a"]], [2]),
        )
    )

    assert one == alike != longer


class Shares(tf.Module):
    """A row's answer depends on the other rows, which its shapes hide."""

    @tf.function(input_signature=[tf.TensorSpec((None,), name="numbers")])
    def __call__(self, numbers):
        return {"shares": tf.nn.softmax(numbers)}


def test_signatures_that_no_export_vouches_for_run_alone(servable, tmp_path):
    shares = Shares()
    tf.saved_model.save(shares, str(tmp_path), signatures=shares.__call__)
    foreign = Servable(tmp_path, 1)
    numbers = {"numbers": np.zeros((1,), np.float32)}

    plan = plan_batching(foreign.signatures["serving_default"], numbers)

    foreign.close()
    assert (plan.num_rows, plan.key) == (1, None)
    endless = servable.signatures["endless"]
    numbers = {"numbers": np.zeros((1, 1), np.float32)}
    assert plan_batching(endless, numbers).key is None


class SlowServable:
    """Counts runs, and lets requests gather while the first one runs."""

    def __init__(self, servable):
        self._servable = servable
        self.batches = []
        self.num_users = 0

    def run(self, signature, inputs):
        self.batches.append(len(inputs["words"]))
        if len(self.batches) == 1:
            import time  # noqa: PLC0415

            time.sleep(0.2)
        return self._servable.run(signature, inputs)

    def acquire(self):
        self.num_users += 1

    def release(self):
        self.num_users -= 1


def run_all(servable, signature, requests, **settings):
    """Returns the answers (or errors) of requests sent at once."""

    async def run():
        batcher = MicroBatcher(
            **{
                "num_threads": 1,
                "max_batch_size": 8,
                "max_queued": 100,
                "merges": True,
                "metrics": Metrics(),
                **settings,
            }
        )
        answers = await asyncio.wait_for(
            asyncio.gather(
                *(batcher.run(servable, signature, r) for r in requests),
                return_exceptions=True,
            ),
            PATIENCE,
        )
        await batcher.close()
        return answers

    return asyncio.run(run())


def test_what_waits_is_run_together_with_the_answers_of_alone(
    servable, signature
):
    slow = SlowServable(servable)
    requests = [words(["x" * (1 + i % 5)] * (1 + i % 3)) for i in range(10)]

    answers = run_all(slow, signature, requests)

    # The first ran alone while nine gathered; no batch has more than 8 rows.
    assert slow.batches == [1, 8, 1]
    assert slow.num_users == 0
    for request, answer in zip(requests, answers, strict=True):
        alone = servable.run(signature, request)
        for name in alone:
            np.testing.assert_array_equal(answer[name], alone[name])


def test_without_merging_each_runs_alone(servable, signature):
    slow = SlowServable(servable)

    run_all(slow, signature, [words(["a"])] * 5, merges=False)

    assert slow.batches == [1] * 5


def test_a_bad_request_spoils_no_other(servable, signature):
    """k = -1 is refused by the graph, and shares a batch with nobody's k.

    So the bad one is a batch-mate whose rows make the merged batch fail.
    """

    class Picky(SlowServable):
        def run(self, signature, inputs):
            if b"bad" in inputs["words"]:
                raise ServingError(grpc.StatusCode.INVALID_ARGUMENT, "bad")
            return super().run(signature, inputs)

    picky = Picky(servable)
    requests = [words(["a"]), words(["b"]), words(["bad"]), words(["c"])]

    answers = run_all(picky, signature, requests)

    assert [isinstance(answer, ServingError) for answer in answers] == [
        *(False, False, True, False)
    ]
    assert picky.num_users == 0


class Breaks(SlowServable):
    """Breaks down at every batch of several requests."""

    def __init__(self, servable, error):
        super().__init__(servable)
        self._error = error

    def run(self, signature, inputs):
        answer = super().run(signature, inputs)
        if len(inputs["words"]) > 1:
            raise self._error
        return answer


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("closed"), KeyError("x"), ValueError("x")],
    ids=lambda error: type(error).__name__,
)
def test_whatever_breaks_a_batch_each_request_is_run_alone(
    servable, signature, error
):
    breaks = Breaks(servable, error)
    requests = [words(["x" * (1 + i)]) for i in range(6)]

    # Twice as many batches break as there are threads.
    answers = run_all(breaks, signature, requests, max_batch_size=3)

    assert breaks.batches == [1, 3, 1, 1, 1, 2, 1, 1]
    assert breaks.num_users == 0
    lengths = [answer["lengths"].tolist() for answer in answers]
    assert lengths == [[[1 + i]] for i in range(6)]


class ThreadEnds(BaseException):
    """No `Exception`, as what ends a thread may be."""


def test_broken_thread_is_an_answer_and_the_next_request_runs(
    servable, signature
):
    class Ends(SlowServable):
        def run(self, signature, inputs):
            if inputs["words"][0, 0] == b"bad":
                raise ThreadEnds
            return super().run(signature, inputs)

    ends = Ends(servable)
    requests = [words([word]) for word in ("a", "bad", "bad", "b")]

    *_, bad, good = run_all(ends, signature, requests, merges=False)

    assert isinstance(bad, ServingError)
    assert bad.code == grpc.StatusCode.INTERNAL
    assert good["lengths"].tolist() == [[1]]
    assert ends.num_users == 0


def test_full_queue_refuses(servable, signature, caplog):
    slow = SlowServable(servable)

    answers = run_all(slow, signature, [words(["a"])] * 5, max_queued=2)

    errors = [a for a in answers if isinstance(a, ServingError)]
    # One runs, two wait.
    assert len(errors) == 2
    assert {error.code for error in errors} == {grpc.StatusCode.UNAVAILABLE}
    assert errors[0].http_status == 503
    (line,) = [line for line in caplog.messages if "The queue is full" in line]
    assert "2 requests wait" in line


def test_what_is_the_servers_fault_is_logged(servable, signature, caplog):
    internal = ServingError(grpc.StatusCode.INTERNAL, "no kernel")
    refused = ServingError(grpc.StatusCode.INVALID_ARGUMENT, "too long")
    for error in (internal, refused):
        broken = SlowServable(servable)
        broken.run = lambda *_, error=error: raise_it(error)
        assert run_all(broken, signature, [words(["a"])]) == [error]

    assert caplog.messages == ["A request failed: no kernel"]


def raise_it(error):
    raise error


class HeldServable(SlowServable):
    """Lets the first run begin, and end when it may."""

    def __init__(self, servable):
        super().__init__(servable)
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def run(self, signature, inputs):
        self.batches.append(len(inputs["words"]))
        self.has_begun.set()
        assert self.may_end.wait(PATIENCE)
        return self._servable.run(signature, inputs)


def test_client_that_leaves_is_not_answered(servable, signature):
    held, metrics = HeldServable(servable), Metrics()

    async def run():
        batcher = MicroBatcher(
            num_threads=1,
            max_batch_size=8,
            max_queued=1,
            merges=True,
            metrics=metrics,
        )
        first = asyncio.create_task(batcher.run(held, signature, words(["a"])))
        await asyncio.to_thread(held.has_begun.wait, PATIENCE)
        second = asyncio.create_task(batcher.run(held, signature, words(["b"])))
        while held.num_users < 2:  # Until the second waits in its queue.
            await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        assert metrics.queued._value.get() == 0
        # Its place is another's.
        third = asyncio.create_task(batcher.run(held, signature, words(["c"])))
        while held.num_users < 2:
            await asyncio.sleep(0)
        held.may_end.set()
        await asyncio.gather(first, third)
        await batcher.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert held.batches == [1, 1]
    assert held.num_users == 0


@pytest.mark.parametrize(
    ("signature", "k", "error", "words"),
    [
        ("", -1, ServingError, "must not be negative"),
        ("gone", 1, ValueError, "tf_serving_warmup_requests must.*'gone'"),
    ],
)
def test_warmup_runs_what_was_recorded(tmp_path, signature, k, error, words):
    folder = export_toy(tmp_path, 1)
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    request.inputs["words"].CopyFrom(tf.make_tensor_proto([["a"]]))
    request.inputs["k"].CopyFrom(tf.make_tensor_proto(k))
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())

    with pytest.raises(error, match=words):
        Servable(folder, 1)
