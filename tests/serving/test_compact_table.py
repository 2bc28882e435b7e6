"""Compact item vectors: how they are read, and what they cost."""

import numpy as np
import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tests.data.small_logs import make_random_log
from tests.serving.toy_exports import (
    LENGTH,
    ask,
    make_comirec,
    make_films,
    make_model,
    raw,
)
from tfrs_timirec.data.batches import evaluation_dataset
from tfrs_timirec.data.splits import LeaveOneOut
from tfrs_timirec.evaluation import top_k_by_blocks
from tfrs_timirec.serving import (
    STORAGES,
    CompactTable,
    RecommenderModule,
    measure_storage_loss,
)

VECTORS = np.array([[1.27, -0.5, 0.004], [0, 0, 0], [-254, 1, 3]], np.float32)
# Scales 0.01 and 2: -0.5 is -50 steps, 0.004 rounds to none; of 1 and 3, half
# steps, the even one counts: 0 and 2 (2 steps of 2 are 4).
AS_INT8 = np.array([[1.27, -0.5, 0], [0, 0, 0], [-254, 0, 4]], np.float32)


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        ("int8", AS_INT8),
        ("float16", VECTORS.astype(np.float16)),
        ("float32", VECTORS),
    ],
)
def test_rows_and_ranges_read_as_float32(storage, expected):
    table = CompactTable(tf.Variable(VECTORS), storage)

    for rows in (
        tf.gather(table, [0, 1, 2]),
        table[0:3],
        tf.function(lambda: tf.gather(table, [0, 1, 2]))(),
    ):
        assert rows.dtype == tf.float32
        np.testing.assert_allclose(rows, expected, rtol=1e-6)
    assert tf.gather(table, [[2], [0]]).shape == (2, 1, 3)


def address(tensor):
    return np.asarray(memoryview(tensor)).__array_interface__["data"][0]


def test_table_that_was_gathered_from_is_not_copied():
    # A read of it is a copy from then on, as after training.
    variable = tf.Variable(VECTORS)
    tf.nn.embedding_lookup(variable, [0])

    table = CompactTable(variable, "float32")

    first, second = table[0:3], table[0:3]
    assert address(first) == address(second)


@pytest.mark.parametrize(
    ("storage", "expected"),
    [("int8", AS_INT8), ("float32", VECTORS)],
)
def test_what_takes_a_tensor_reads_the_whole(storage, expected):
    table = CompactTable(tf.Variable(VECTORS), storage)

    np.testing.assert_allclose(tf.convert_to_tensor(table), expected, rtol=1e-6)
    rows = tf.nn.embedding_lookup(table, [2])
    np.testing.assert_allclose(rows, expected[2:], rtol=1e-6)


def test_best_items_come_from_a_compact_table():
    rng = np.random.default_rng(0)
    items = rng.normal(size=(50, 8)).astype(np.float32)
    vectors = rng.normal(size=(3, 2, 8)).astype(np.float32)
    table = CompactTable(items, "int8")

    compact = top_k_by_blocks(vectors, table, 5, block_size=7)
    whole = top_k_by_blocks(vectors, table[0:50], 5)

    np.testing.assert_array_equal(compact[1], whole[1])
    np.testing.assert_allclose(compact[0], whole[0], rtol=1e-5)


@pytest.mark.parametrize("storage", ["float16", "int8"])
@pytest.mark.parametrize("build", [make_model, make_comirec])
def test_a_compact_module_reads_all_its_tables_compactly(build, storage):
    log = make_films()
    model = build(log)
    module = RecommenderModule(model, log, LENGTH, storage=storage)
    history = [raw(log, 5, 3)]
    whole = ask(RecommenderModule(model, log, LENGTH), history)

    compact = ask(module, history)

    # Near the numbers of the model, but not the same.
    np.testing.assert_allclose(compact["scores"], whole["scores"], atol=0.05)
    assert (compact["scores"] != whole["scores"]).any()
    read = {variable.ref() for variable in module.variables}
    tables = [
        variable.ref()
        for variable in model.variables
        if variable.shape[:1] == [log.vocabulary_size]
    ]
    assert tables
    assert not read & set(tables)
    # The model itself is as it was.
    assert isinstance(model.item_embeddings, tf.Variable)
    assert "call" not in vars(model.extractor.item_embedding)


@pytest.mark.parametrize("storage", STORAGES)
def test_no_graph_gathers_from_a_variable(storage):
    # It would have each of the other reads copy the whole table.
    log = make_films()
    module = RecommenderModule(make_model(log), log, LENGTH, storage=storage)

    for function in module.signatures.values():
        graph = function.get_concrete_function().graph.as_graph_def()
        nodes = [
            *graph.node,
            *(
                node
                for part in graph.library.function
                for node in part.node_def
            ),
        ]
        assert len(nodes) > 100
        assert "ResourceGather" not in {node.op for node in nodes}


def round_to_int8(vectors):
    scales = np.abs(vectors).max(axis=1, keepdims=True) / 127
    return np.rint(vectors / scales) * scales


def best_lists(model, vectors, histories, met, k):
    """Returns the k best items by a table, (num_cases, k), but those met."""
    model.extractor.item_embedding.embeddings.assign(vectors)
    interests = model({"item_ids": tf.constant(histories)}).numpy()
    scores = (interests @ vectors.T).max(axis=1)
    np.put_along_axis(scores, met, -np.inf, axis=1)
    scores[:, :2] = -np.inf
    return np.argsort(-scores)[:, :k]


def test_storage_loss_compares_lists():
    log = make_random_log(num_users=150, num_items=200)
    model, k = make_comirec(log), 5
    # A large number in each row makes the steps of the others large, too.
    vectors = 0.3 * model.item_embeddings.numpy()
    vectors[:, 0] = 6
    split = LeaveOneOut(log, num_negatives=1)
    cases, met = (
        next(
            iter(
                evaluation_dataset(
                    split, "test", max_history_length=length, candidates="full"
                )
            )
        )
        for length in (LENGTH, log.num_items)
    )
    histories, targets = cases["item_ids"].numpy(), cases["target_id"].numpy()
    met = met["item_ids"].numpy()
    assert (np.count_nonzero(met, axis=1) > LENGTH).any()
    compact = best_lists(model, round_to_int8(vectors), histories, met, k)
    full = best_lists(model, vectors, histories, met, k)  # The model's own.

    loss = measure_storage_loss(
        model, split, "int8", k=k, max_history_length=LENGTH
    )

    hits, compact_hits = (
        (lists == targets[:, np.newaxis]).any(axis=1)
        for lists in (full, compact)
    )
    shared = [
        len(np.intersect1d(*pair)) for pair in zip(full, compact, strict=True)
    ]
    assert loss.num_cases == len(targets)
    assert loss.recall == pytest.approx(hits.mean())
    assert loss.compact_recall == pytest.approx(compact_hits.mean())
    # The order of a sum may let two items of nearly one score change places.
    assert loss.overlap == pytest.approx(np.mean(shared) / k, abs=0.005)
    assert loss.overlap < 0.98
    assert 0 < loss.recall != loss.compact_recall > 0


def test_unknown_storage_is_an_error():
    log = make_films()
    with pytest.raises(ValueError, match="float32, float16, int8.*'int4'"):
        RecommenderModule(make_model(log), log, LENGTH, storage="int4")
    with pytest.raises(ValueError, match="float32, float16, int8.*'int4'"):
        CompactTable(VECTORS, "int4")
