"""What each signature answers, by the model's own numbers."""

import numpy as np
import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tests.serving.toy_exports import (
    LENGTH,
    NUM_INTERESTS,
    NUM_ITEMS,
    ask,
    make_comirec,
    make_films,
    make_log,
    make_model,
    raw,
    texts,
)
from tfrs_timirec.serving import RecommenderModule, recommender_module

LOWEST = np.finfo(np.float32).min


@pytest.fixture(scope="module")
def log():
    return make_films()


@pytest.fixture(scope="module", params=["timirec", "comirec"])
def model(log, request):
    return make_model(log) if request.param == "timirec" else make_comirec(log)


@pytest.fixture(scope="module")
def module(model, log):
    return RecommenderModule(model, log, LENGTH)


# The vocabulary ids of a history, and what the model reads of it.
HISTORY = [5, 3]
READ = [[0, 0, 5, 3]]


def scores_of(model, item_ids=READ) -> np.ndarray:
    vectors = model({"item_ids": tf.constant(item_ids)}, training=False)
    return model.score_all(vectors).numpy()


def test_recommend_gives_the_best_unseen_items(module, model, log):
    answer = ask(module, [raw(log, *HISTORY)], k=3)

    scores = scores_of(model)[0]
    scores[[0, 1, *HISTORY]] = -np.inf
    best = np.argsort(-scores)[:3]
    assert texts(answer["item_ids"][0]) == raw(log, *best)
    np.testing.assert_allclose(answer["scores"][0], scores[best], rtol=1e-4)


def test_ten_items_unless_k_says_otherwise(module, log):
    assert ask(module, [raw(log, 5)])["item_ids"].shape == (1, 10)


def test_interest_probabilities_are_the_predictors(log):
    model = make_model(log)
    answer = ask(RecommenderModule(model, log, LENGTH), [raw(log, *HISTORY)])

    expected = tf.nn.softmax(model.predictor(tf.constant(READ)))
    np.testing.assert_allclose(
        answer["interest_probabilities"], expected, rtol=1e-4
    )


@pytest.mark.parametrize("stage", ["ComiRec", "pretraining"])
def test_greedy_models_hold_all_interests_for_as_likely(log, stage):
    model = make_comirec(log) if stage == "ComiRec" else make_model(log)
    model.set_stage("pretraining")
    answer = ask(RecommenderModule(model, log, LENGTH), [raw(log, 5)])

    assert answer["interest_probabilities"].tolist() == [[0.5, 0.5]]


def test_seen_and_excluded_items_stay_out(module, log):
    history = raw(log, *HISTORY)
    everything = {"k": NUM_ITEMS}

    usual = texts(ask(module, [history], **everything)["item_ids"])[0]
    assert not set(usual) & set(history)
    answer = ask(module, [history], exclude_ids=[usual[:2]], **everything)
    assert texts(answer["item_ids"])[0] == [*usual[2:10], "", "", "", ""]
    answer = ask(module, [history], exclude_seen=False, **everything)
    assert sorted(texts(answer["item_ids"])[0]) == log.items.tolist()
    answer = ask(
        module,
        [history, history],
        exclude_seen=[True, False],
        exclude_ids=[["", "no such film"]],
        **everything,
    )
    assert texts(answer["item_ids"])[0] == usual
    assert "" not in texts(answer["item_ids"])[1]


def test_k_may_differ_by_row(module, log):
    histories = [raw(log, 5), raw(log, 3)]
    both = ask(module, histories, k=3)

    answer = ask(module, histories, k=[1, 3])

    assert texts(answer["item_ids"])[1] == texts(both["item_ids"])[1]
    first = texts(both["item_ids"])[0][0]
    assert texts(answer["item_ids"])[0] == [first, "", ""]
    assert answer["scores"][0].tolist() == [
        both["scores"][0, 0],
        LOWEST,
        LOWEST,
    ]


LISTS = ("serving_default", "interests", "recommend_diverse")


def arguments_of(signature) -> dict:
    """What a signature needs besides histories."""
    needed = {
        "recommend_diverse": {"diversity": 0.5},
        "score": {"candidate_ids": [["film 01 é", "no such film"]]},
    }
    return needed.get(signature, {})


@pytest.mark.parametrize("signature", LISTS)
def test_k_of_0_gives_empty_lists(module, log, signature):
    answer = ask(
        module, [raw(log, 5)] * 2, signature, k=0, **arguments_of(signature)
    )

    lists = answer["nearest_items" if signature == "interests" else "item_ids"]
    assert lists.shape[-1] == 0
    assert lists.shape[0] == 2


@pytest.mark.parametrize("signature", LISTS)
def test_k_below_0_is_an_error(module, log, signature):
    with pytest.raises(tf.errors.InvalidArgumentError, match="`k` must lie"):
        ask(module, [raw(log, 5)], signature, k=-1, **arguments_of(signature))


@pytest.mark.parametrize(
    "history",
    [
        [],
        ["", "", ""],
        ["no such film"],
        ["no such film", "nor this"],
        ["film 03 é"] * 9,
        [f"film {number:02d} é" for number in range(NUM_ITEMS)],
    ],
    ids=["none", "padding", "unknown", "unknowns", "duplicates", "all"],
)
def test_any_history_has_an_answer_of_numbers(module, log, history):
    histories = np.array([history] * 2, dtype=object).reshape(2, len(history))
    answers = {
        name: ask(module, histories, name, **arguments_of(name))
        for name in module.signatures
    }

    for name, answer in answers.items():
        for output, values in answer.items():
            if values.dtype == np.float32:
                assert np.isfinite(values).all(), (name, output)
    sums = answers["interests"]["attention"].sum(axis=2)
    expected = 1.0 if any(history) else 0.0
    np.testing.assert_allclose(sums, np.full(sums.shape, expected), rtol=1e-5)
    kept = texts(answers["serving_default"]["item_ids"])[0]
    num_unseen = NUM_ITEMS - len(set(history) & set(log.items))
    assert len(set(kept) - {""}) == min(10, num_unseen)


def test_no_rows_have_no_answers(module):
    answer = ask(module, np.zeros((0, 3), "U1"), k=4)

    assert answer["item_ids"].shape == (0, 0)


def test_interests_are_the_extractors(module, model, log):
    # Padding in the middle: attention stands where the items stand.
    history = raw(log, 5, 0, 3)
    answer = ask(module, [history], "interests", k=2)

    interests, attention = model.extractor(
        tf.constant(READ), return_attention=True
    )
    np.testing.assert_allclose(answer["interests"], interests, rtol=1e-4)
    assert answer["attention"].shape == (1, NUM_INTERESTS, 3)
    np.testing.assert_allclose(
        answer["attention"][..., [0, 2]], attention[..., 2:], rtol=1e-4
    )
    assert answer["attention"][..., 1].tolist() == [[0.0, 0.0]]
    for interest in range(NUM_INTERESTS):
        scores = np.array(
            model.item_embeddings @ interests[0, interest][:, None]
        )[:, 0]
        scores[[0, 1, *HISTORY]] = -np.inf
        best = np.argsort(-scores)[:2]
        nearest = texts(answer["nearest_items"][0, interest])
        assert nearest == raw(log, *best)
        np.testing.assert_allclose(
            answer["nearest_scores"][0, interest], scores[best], rtol=1e-4
        )


def test_items_beyond_the_newest_get_no_attention(module, log):
    history = raw(log, 9, 8, 0, 5, 3, 6, 7)
    answer = ask(module, [history], "interests")

    attention = answer["attention"]
    assert attention[..., :3].max() == 0
    newest = ask(module, [history[3:]], "interests")["attention"]
    np.testing.assert_allclose(attention[..., 3:], newest, rtol=1e-5)


def test_user_embedding_gives_the_scores(module, model, log):
    answer = ask(module, [raw(log, *HISTORY)], "user_embedding")

    products = answer["user_embedding"][0] @ model.item_embeddings.numpy().T
    np.testing.assert_allclose(
        products.max(axis=0), scores_of(model)[0], rtol=1e-4
    )


def test_score_ranks_given_candidates(module, model, log):
    histories = [raw(log, 0, *HISTORY), raw(log, 0, 0, 7)]
    candidates = [*raw(log, 9, 4), "no such film", ""]

    answer = ask(module, histories, "score", candidate_ids=[candidates])

    expected = scores_of(model, [*READ, [0, 0, 0, 7]])[:, [9, 4]]
    np.testing.assert_allclose(answer["scores"][:, :2], expected, rtol=1e-4)
    assert (answer["scores"][:, 2:] == LOWEST).all()
    same = ask(module, histories, "score", candidate_ids=[candidates] * 2)
    np.testing.assert_array_equal(same["scores"], answer["scores"])


def test_diverse_without_diversity_is_the_plain_list(module, log):
    history = [raw(log, *HISTORY)]
    plain = ask(module, history, k=6)

    diverse = ask(module, history, "recommend_diverse", diversity=0.0, k=6)

    assert texts(diverse["item_ids"]) == texts(plain["item_ids"])
    np.testing.assert_allclose(diverse["scores"], plain["scores"], rtol=1e-4)


def test_diverse_list_does_not_depend_on_a_longer_one(log, monkeypatch):
    # The item of another kind is none of the best: it is in the pool of a long
    # list, not in that of a short one.
    monkeypatch.setattr(recommender_module, "_POOL", 2)
    worst = np.argmin(scores_of(make_comirec(log))[0, 2:])
    kinds = ["other" if number == worst else "usual" for number in range(12)]
    log = make_films(kind=kinds)
    module = RecommenderModule(make_comirec(log), log, LENGTH, category="kind")

    def lists(num_histories, k):
        answer = ask(
            module,
            [raw(log, *HISTORY)] * num_histories,
            "recommend_diverse",
            diversity=1e6,
            k=k,
        )
        return texts(answer["item_ids"])

    short, long = lists(2, [2, NUM_ITEMS])

    assert short == lists(1, 2)[0] + [""] * (len(short) - 2)
    assert log.items[worst] in long[:2]
    assert log.items[worst] not in short


def test_diverse_mixes_the_category_of_the_metadata():
    log = make_films(kind=[["war", "x"]] * 9 + [["love"]] * 2 + [None])
    model = make_comirec(log)
    module = RecommenderModule(model, log, LENGTH, category="kind")
    scores = scores_of(model)[0]
    scores[[0, 1, *HISTORY]] = -np.inf
    ranked = np.argsort(-scores)
    kind = np.array([0, 0, *[1] * 9, *[2] * 2, 3])

    answer = ask(
        module,
        [raw(log, *HISTORY)],
        "recommend_diverse",
        diversity=1e6,
        k=3,
    )

    # Variety is worth more than any score: the best item, the best of another
    # kind, and the best of the third.
    expected = [next(i for i in ranked if kind[i] == kind[ranked[0]])]
    for _ in range(2):
        expected.append(
            next(i for i in ranked if kind[i] not in kind[expected])
        )
    assert texts(answer["item_ids"][0]) == raw(log, *expected)
    np.testing.assert_allclose(answer["scores"][0], scores[expected], rtol=1e-4)


@pytest.mark.parametrize("diversity", [-1.0, float("nan"), float("inf")])
def test_diversity_must_be_a_number_from_0(module, log, diversity):
    with pytest.raises(tf.errors.InvalidArgumentError, match="`diversity`"):
        ask(module, [raw(log, 5)], "recommend_diverse", diversity=diversity)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("k", [1, 2, 3]),
        ("exclude_seen", [True, False, True]),
        ("diversity", [0.1, 0.2, 0.3]),
    ],
)
def test_values_are_one_or_one_a_history(module, log, name, values):
    arguments = {"diversity": 0.1, name: values}

    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=f"`{name}` must be one value, or one for each history",
    ):
        ask(module, [raw(log, 5)] * 2, "recommend_diverse", **arguments)


def test_integer_ids_have_the_same_signatures():
    log = make_log(list(range(100, 100 + NUM_ITEMS)))
    module = RecommenderModule(make_model(log), log, LENGTH)

    answer = ask(module, [[-1, 0, 105]], k=2, exclude_ids=[[101]])
    assert answer["item_ids"].dtype == np.int64
    assert set(answer["item_ids"][0]) < set(log.items) - {105, 101}
    answer = ask(module, [[105]], "score", candidate_ids=[[101, 7]])
    assert (answer["scores"][0] == LOWEST).tolist() == [False, True]


def test_an_unknown_category_is_an_error(log):
    model = make_comirec(log)

    with pytest.raises(ValueError, match="which has none.*category='kind'"):
        RecommenderModule(model, log, category="kind")
    films = make_films(title=["t"] * NUM_ITEMS)
    with pytest.raises(ValueError, match=r"\(title\).*category='kind'"):
        RecommenderModule(model, films, category="kind")
