"""One request costs no more than is said, whatever it asks for."""

import numpy as np
import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tests.serving.toy_exports import (
    LENGTH,
    ask,
    make_films,
    make_model,
    raw,
)
from tfrs_timirec.serving import RecommenderModule, recommender_module
from tfrs_timirec.serving.compact_table import CompactTable

MANY = 1 << 10  # Histories; of so many ids are 2^20 pairs.


@pytest.fixture(scope="module")
def log():
    return make_films()


@pytest.fixture(scope="module")
def module(log):
    return RecommenderModule(make_model(log), log, LENGTH)


@pytest.fixture(scope="module")
def loaded(module, tmp_path_factory):
    """Asks the export in a session, the way that TF Serving takes."""
    folder = str(tmp_path_factory.mktemp("export"))
    tf.saved_model.save(module, folder, signatures=module.signatures)
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        signatures = tf.compat.v1.saved_model.load(
            session, ["serve"], folder
        ).signature_def

    def run(name, **inputs):
        return session.run(
            {
                key: tensor.name
                for key, tensor in signatures[name].outputs.items()
            },
            {
                signatures[name].inputs[key].name: value
                for key, value in inputs.items()
            },
        )

    yield run
    session.close()


def films(num_rows, num_ids):
    return np.full((num_rows, num_ids), "film 03 é".encode(), object)


def test_pairs_to_score_are_bounded_in_the_graph(loaded):
    most = {"item_ids": films(MANY, 1), "candidate_ids": films(1, MANY)}
    assert loaded("score", **most)["scores"].shape == (MANY, MANY)

    more = {**most, "candidate_ids": films(1, MANY + 1)}
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"`candidate_ids` must be at most 1048576 pairs.*"
        r"several requests. Received histories and ids:. .1024. .1025",
    ):
        loaded("score", **more)
    # As many as a product of 32 bits would take for none.
    with pytest.raises(tf.errors.InvalidArgumentError, match="1048576 pairs"):
        loaded(
            "score",
            item_ids=films(1 << 16, 1),
            candidate_ids=films(1, 1 << 16),
        )


def test_pairs_to_exclude_are_bounded_in_the_graph(loaded):
    most = {
        "item_ids": films(MANY, 1),
        "exclude_ids": films(1, 4 * MANY),
        "exclude_seen": True,
        "k": 1,
    }
    assert loaded("serving_default", **most)["scores"].shape == (MANY, 1)

    more = {**most, "exclude_ids": films(1, 4 * MANY + 1)}
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="`exclude_ids` must be at most 4194304 pairs",
    ):
        loaded("serving_default", **more)


@pytest.mark.parametrize(
    ("signature", "num_vectors", "options"),
    [("interests", 2, {}), ("recommend_diverse", 3, {"diversity": 0.5})],
)
def test_exclusions_count_for_each_vector(
    log, monkeypatch, signature, num_vectors, options
):
    monkeypatch.setattr(
        recommender_module, "MAX_EXCLUDED_PAIRS", 4 * num_vectors
    )
    module = RecommenderModule(make_model(log), log, LENGTH)
    histories = films(2, 1).astype("S")
    options = {"k": 1, **options}
    ask(module, histories, signature, exclude_ids=films(1, 2), **options)

    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="`exclude_ids` must be at most 4 pairs",
    ):
        ask(module, histories, signature, exclude_ids=films(1, 3), **options)


def test_diverse_lists_choose_from_no_more_than_may_be_scored(log, monkeypatch):
    # Three vectors: an aggregate and two interests. Five items of each for a
    # list of one: 15 a history.
    monkeypatch.setattr(recommender_module, "MAX_SCORED_PAIRS", 30)
    module = RecommenderModule(make_model(log), log, LENGTH)
    lists = ask(
        module, films(2, 1).astype("S"), "recommend_diverse", diversity=0.5, k=1
    )
    assert lists["item_ids"].shape == (2, 1)

    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="`k` must be smaller for so many histories",
    ):
        ask(
            module,
            films(3, 1).astype("S"),
            "recommend_diverse",
            diversity=0.5,
            k=1,
        )


@pytest.mark.parametrize(
    ("num_histories", "num_rows"), [(3, 2), (1, 2), (2, 0), (0, 2)]
)
@pytest.mark.parametrize("name", ["candidate_ids", "exclude_ids"])
def test_ids_have_one_row_or_one_a_history(
    module, name, num_histories, num_rows
):
    signature = "score" if name == "candidate_ids" else "serving_default"

    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=f"`{name}` must have one row, or one for each history",
    ):
        ask(
            module,
            films(num_histories, 1).astype("S"),
            signature,
            **{name: films(num_rows, 1)},
        )


def test_no_histories_have_no_scores(module):
    answer = ask(
        module, np.zeros((0, 3), "U1"), "score", candidate_ids=films(1, 5)
    )

    assert answer["scores"].shape == (0, 5)


@pytest.mark.parametrize("storage", ["float32", "int8"])
def test_candidates_of_all_histories_are_read_once(log, monkeypatch, storage):
    module = RecommenderModule(make_model(log), log, LENGTH, storage=storage)
    read, sparse_read = [], CompactTable.sparse_read

    def record(table, indices, name=None):
        read.append(tuple(indices.shape))
        return sparse_read(table, indices, name)

    histories = [raw(log, 0, 5, 3), raw(log, 0, 0, 7), raw(log, 2, 3, 4)]
    candidates = log.items.tolist()
    each = ask(module, histories, "score", candidate_ids=[candidates] * 3)
    monkeypatch.setattr(CompactTable, "sparse_read", record)
    tf.config.run_functions_eagerly(True)
    try:
        shared = ask(module, histories, "score", candidate_ids=[candidates])
    finally:
        tf.config.run_functions_eagerly(False)

    assert read[-1] == (1, len(candidates))
    assert (3, len(candidates)) not in read
    np.testing.assert_allclose(shared["scores"], each["scores"], rtol=1e-5)


def test_the_bounds_are_those_of_the_documentation():
    assert recommender_module.MAX_SCORED_PAIRS == MANY * MANY
    assert recommender_module.MAX_EXCLUDED_PAIRS == 4 * MANY * MANY
