"""Both indexes: union of several vectors' lists, exclusion, new items."""

import sys

import numpy as np
import pytest

import tfrs_timirec  # noqa: F401
from tfrs_timirec.serving.index import ExactIndex, ItemIndex, ScaNNIndex

LOWEST = np.finfo(np.float32).min
DIM = 8


@pytest.fixture(params=[ExactIndex, ScaNNIndex])
def index_class(request) -> type[ItemIndex]:
    if request.param is ScaNNIndex:
        pytest.importorskip("scann")
    return request.param


def draw(*shape) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("f4")


def best_rows(queries, vectors, k, excluded=None):
    """Sorts the scores of all items, the best of each user's vectors."""
    scores = np.einsum("bvd,id->bvi", queries, vectors).max(axis=1)
    for user, rows in enumerate(excluded or ()):
        scores[user, rows] = -np.inf
    rows = np.argsort(-scores, axis=1)[:, :k]
    return np.take_along_axis(scores, rows, axis=1), rows


def test_finds_the_best_of_all_vectors(index_class):
    vectors, queries = draw(300, DIM), draw(5, 3, DIM)
    index = index_class(np.arange(300) + 1000, vectors)
    excluded = best_rows(queries, vectors, 4)[1][:, 1:]
    raw = [[*(rows + 1000), 7] for rows in excluded]  # 7 is unknown.

    scores, item_ids = index.search(queries, k=6, excluded=raw)

    expected_scores, expected = best_rows(
        queries, vectors, 6, excluded.tolist()
    )
    np.testing.assert_array_equal(item_ids, expected + 1000)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-4)


def test_items_are_added_and_replaced(index_class):
    names = np.array([f"item {row}" for row in range(20)], dtype=object)
    vectors, directions = draw(20, DIM), np.eye(DIM, dtype="f4")
    # Two vectors a user; in the direction of the first, far out, new items.
    queries, best = directions[[[0, 1], [2, 3]]], directions[[0, 2]] * 100
    index = index_class(names, vectors)

    index.add(["new", "item 3"], best)

    assert len(index) == 21
    _, item_ids = index.search(queries, k=1)
    assert item_ids.tolist() == [["new"], ["item 3"]]
    changed = np.concatenate([vectors, best[:1]])
    changed[3] = best[1]
    everything = [*names, "new"]
    _, expected = best_rows(queries, changed, 21)
    _, item_ids = index.search(queries, k=21)
    assert item_ids.tolist() == [
        [everything[row] for row in rows] for rows in expected
    ]


@pytest.mark.parametrize("ids", [list(range(3)), ["a", "b", "c"]])
def test_lists_end_where_items_run_out(index_class, ids):
    index = index_class(ids, np.eye(3, dtype="f4"))

    scores, item_ids = index.search(
        np.ones((1, 1, 3)), k=5, excluded=[[ids[0]]]
    )

    nothing = -1 if ids[0] == 0 else ""
    assert item_ids[0].tolist() == [*ids[1:], nothing, nothing, nothing]
    assert scores[0].tolist() == [1, 1, LOWEST, LOWEST, LOWEST]
    assert index.search(np.ones((2, 1, 3)), k=0)[1].shape == (2, 0)
    assert index.search(np.ones((0, 1, 3)), k=2)[1].shape == (0, 2)


@pytest.mark.parametrize("ids", [["a", "b"], [1, 2]])
def test_lists_end_alike_after_items_were_added(index_class, ids):
    index = index_class(ids, draw(2, DIM))
    new = "c" if isinstance(ids[0], str) else 3
    index.add([new], draw(1, DIM))

    _, found = index.search(draw(1, 2, DIM), k=4, excluded=np.array([[ids[0]]]))

    nothing = "" if isinstance(new, str) else -1
    assert set(found[0]) == {ids[1], new, nothing}
    assert found[0].tolist().count(nothing) == 2


def test_ids_of_another_kind_are_not_added(index_class):
    index = index_class([1, 2], draw(2, DIM))
    with pytest.raises(ValueError, match="integers. Received: 'x'"):
        index.add(["x"], draw(1, DIM))
    index.add([], np.zeros((0, DIM)))
    assert index.item_ids.tolist() == [1, 2]


def test_ids_may_be_of_any_integer_type_and_bytes(index_class):
    queries = np.ones((1, 1, 3))
    for ids in (np.arange(3, dtype=np.uint64), np.arange(3, dtype=np.int8)):
        index = index_class(ids, np.eye(3))

        _, found = index.search(queries, k=3, excluded=[ids[:1]])

        assert found.tolist() == [[1, 2, -1]]
    as_tensorflow_gives_them = np.array([b"a", "é".encode()], object)
    index = index_class(as_tensorflow_gives_them, np.eye(3)[:2])
    index.add([b"c"], np.eye(3)[2:])
    assert index.item_ids.tolist() == ["a", "é", "c"]

    _, found = index.search(queries, k=3, excluded=[as_tensorflow_gives_them])

    assert found.tolist() == [["c", "", ""]]


@pytest.mark.parametrize("bad", [1.5, None, 2**63, True])
def test_ids_that_are_neither_text_nor_integers(index_class, bad):
    with pytest.raises(ValueError, match=f"`item_ids` must hold.*: {bad}"):
        index_class([bad], np.eye(1))
    index = index_class(["a"], np.eye(1))
    with pytest.raises(ValueError, match=f"`excluded` must hold.*: {bad}"):
        index.search(np.ones((1, 1, 1)), excluded=[[bad]])


def test_one_users_long_exclusion_is_that_users_alone(index_class):
    vectors, queries = draw(400, DIM), draw(4, 3, DIM)
    index = index_class(np.arange(400), vectors)
    excluded = [list(range(300)), [], [5], [7, 8, 9]]

    scores, found = index.search(queries, k=6, excluded=excluded)

    expected = best_rows(queries, vectors, 6, excluded)
    np.testing.assert_allclose(scores, expected[0], rtol=1e-5)
    np.testing.assert_array_equal(found, expected[1])


def test_scann_partitions_large_catalogues():
    pytest.importorskip("scann")
    vectors, queries = draw(50_000, DIM), draw(20, 3, DIM)
    index = ScaNNIndex(np.arange(50_000), vectors, visited_share=0.3)

    _, item_ids = index.search(queries, k=10, excluded=[[1]] * 20)

    _, expected = best_rows(queries, vectors, 10, [[1]] * 20)
    recall = np.mean(
        [
            np.isin(one, other).mean()
            for one, other in zip(expected, item_ids, strict=True)
        ]
    )
    assert recall > 0.8
    index.add([50_000], queries[:1, 0] * 100)
    assert index.search(queries[:1], k=1)[1].tolist() == [[50_000]]


def test_what_does_not_fit_is_an_error(index_class):
    with pytest.raises(ValueError, match="`item_ids` must be distinct.*'a'"):
        index_class(["a", "a"], np.eye(2))
    with pytest.raises(ValueError, match="`vectors`.*shape="):
        index_class(["a"], np.eye(2))
    with pytest.raises(ValueError, match="finite.*'b'"):
        index_class(["a", "b"], [[1.0], [np.nan]])
    with pytest.raises(ValueError, match="at least one item"):
        index_class([], np.zeros((0, 2)))
    index = index_class(["a", "b"], np.eye(2))
    with pytest.raises(ValueError, match="as wide as.*2"):
        index.add(["c"], [[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match=r"\(batch, num_vectors, 2\)"):
        index.search(np.eye(2))
    with pytest.raises(ValueError, match="k=-1"):
        index.search(np.ones((1, 1, 2)), k=-1)
    with pytest.raises(ValueError, match="`excluded`"):
        index.search(np.ones((1, 1, 2)), excluded=[])
    assert len(index) == 2


def test_scann_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scann.scann_ops.py", None)
    monkeypatch.setitem(sys.modules, "scann", None)

    with pytest.raises(ImportError, match=r"tfrs-timirec\[ann\]"):
        ScaNNIndex(["a"], [[1.0]])
    with pytest.raises(ValueError, match="visited_share=0"):
        ScaNNIndex(["a"], [[1.0]], visited_share=0)
