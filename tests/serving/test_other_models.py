"""Models of one vector a user, and models that read more than item ids."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tests.serving.toy_exports import (
    DIM,
    LENGTH,
    ask,
    draw_weights,
    make_films,
    make_log,
    raw,
    texts,
)
from tfrs_timirec.layers import DynamicRoutingExtractor, ItemEmbedding
from tfrs_timirec.models import MIND, ComiRec, SequentialRecommender
from tfrs_timirec.serving import ExportedModel, RecommenderModule, export


class NewestItems(SequentialRecommender):
    """One vector a user, that of the last item, or of the last recent one."""

    feature_names: tuple[str, ...] = ("item_ids",)

    def __init__(self, vocabulary_size, feature_names=("item_ids",)):
        super().__init__()
        self.feature_names = feature_names
        self.items = ItemEmbedding(vocabulary_size, DIM)
        self.items.build(None)

    @property
    def item_embeddings(self):
        return self.items.embeddings

    def call(self, features, training=None):
        vectors = self.items(features["item_ids"])
        if "timestamps" in self.feature_names:
            age = (
                features["request_timestamp"][:, tf.newaxis]
                - features["timestamps"]
            )
            recent = (age < 100) & (features["item_ids"] > 0)
            vectors *= tf.cast(recent, tf.float32)[:, :, tf.newaxis]
            return tf.reduce_sum(vectors, axis=1, keepdims=True)
        return vectors[:, -1:]


@pytest.fixture(scope="module")
def log():
    return make_films()


def test_models_of_one_vector_have_one_interest(log):
    model = NewestItems(log.vocabulary_size)
    module = RecommenderModule(model, log, LENGTH)

    answer = ask(module, [raw(log, 5, 3)], "interests", k=1)

    assert answer["interests"].shape == (1, 1, DIM)
    assert answer["interest_probabilities"].tolist() == [[1.0]]
    vectors = model.item_embeddings.numpy()
    logits = vectors[[5, 3]] @ vectors[3]  # The interest is item 3's vector.
    np.testing.assert_allclose(
        answer["attention"][0, 0],
        np.exp(logits) / np.exp(logits).sum(),
        rtol=1e-4,
    )


def test_context_comes_by_name_and_moves_with_its_items(log):
    model = NewestItems(
        log.vocabulary_size, ("item_ids", "timestamps", "request_timestamp")
    )
    module = RecommenderModule(model, log, LENGTH)

    answer = ask(
        module,
        [raw(log, 5, 3, 0)],
        "user_embedding",
        timestamps=tf.constant([[950, 10, 940]], tf.int64),
        request_timestamp=tf.constant([1000], tf.int64),
    )

    # Item 3 is too old; the padding's time says nothing.
    np.testing.assert_allclose(
        answer["user_embedding"][0, 0], model.item_embeddings[5], rtol=1e-5
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="`timestamps`"):
        ask(
            module,
            [raw(log, 5, 3, 0)],
            timestamps=tf.constant([[950]], tf.int64),
            request_timestamp=tf.constant([1000], tf.int64),
        )
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="`request_timestamp` must be one"
    ):
        ask(
            module,
            [raw(log, 5, 3, 0)],
            timestamps=tf.constant([[950, 10, 940]], tf.int64),
            request_timestamp=tf.constant([1000, 1001], tf.int64),
        )


@pytest.mark.parametrize("ids", ["text", "integers"])
def test_card_says_how_to_give_the_context(tmp_path, monkeypatch, ids):
    log = make_films() if ids == "text" else make_log(list(range(100, 112)))
    model = NewestItems(
        log.vocabulary_size, ("item_ids", "timestamps", "request_timestamp")
    )
    folder = export(model, log, tmp_path, max_history_length=LENGTH)
    card = (folder / "README.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", card, re.DOTALL)[1]
    monkeypatch.chdir(folder)
    names = {}

    exec(program, names)

    assert names["answer"]["scores"].shape == (1, 10)
    assert "timestamps=[[0, 0]], request_timestamp=[0], k=10" in program


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"timestamps": [950]}, "timestamps' must have"),
        ({"request_timestamp": [1000, 1001]}, "request_timestamp' must have"),
        ({"timestamps": [950, 2**63]}, "timestamps' must hold.*int64"),
        ({"request_timestamp": ["now"]}, "request_timestamp' must hold.*now"),
    ],
)
def test_context_that_does_not_fit_is_an_error(log, tmp_path, wrong, words):
    model = NewestItems(
        log.vocabulary_size, ("item_ids", "timestamps", "request_timestamp")
    )
    exported = ExportedModel(
        export(model, log, tmp_path, max_history_length=LENGTH)
    )
    context = {"timestamps": [950, 10], "request_timestamp": [1000]}

    assert len(exported.recommend(raw(log, 5, 3), context=context)) == 10
    assert exported.unknown([]) == []
    with pytest.raises(ValueError, match=words):
        exported.recommend(raw(log, 5, 3), context=context | wrong)


class Profiled(NewestItems):
    """Adds the vectors of the items with the ids of a user's groups."""

    def call(self, features, training=None):
        groups = self.items(features["user_groups"])
        genres = self.items(features["item_genre"][:, -1])
        return tf.reduce_sum(groups, 1, keepdims=True) + genres


def test_profiles_come_as_raw_values_and_items_attributes_by_themselves():
    log = dataclasses.replace(
        make_films(genre=["a", "b", "c"] * 4),
        user_metadata=pd.DataFrame(
            {"groups": [["kids", "old"], ["zoo"]]}, index=["u", "v"]
        ),
    )
    names = ("item_ids", "user_groups", "item_genre")
    model = Profiled(log.vocabulary_size, names)
    module = RecommenderModule(model, log, LENGTH)

    # Groups are numbered from 1 in their order; "war" is none of them.
    answer = ask(
        module,
        [raw(log, 5, 4)] * 2,
        "user_embedding",
        user_groups=tf.constant([["zoo", "", ""], ["old", "war", "kids"]]),
    )

    vectors = model.item_embeddings.numpy()
    genre = vectors[3]  # Item 4 is the third film, of the third genre.
    none = vectors[0]
    expected = [vectors[3] + none + genre, vectors[2] + none + genre]
    np.testing.assert_allclose(
        answer["user_embedding"][:, 0], expected, rtol=1e-5
    )


def test_what_the_log_lacks_is_an_error(log):
    model = NewestItems(log.vocabulary_size, ("item_ids", "weather"))

    with pytest.raises(ValueError, match="`features`.*'weather'"):
        RecommenderModule(model, log)


@pytest.mark.parametrize(
    "build",
    [
        lambda size, **options: MIND(size, adaptive_interests=True, **options),
        lambda size, **options: ComiRec(
            extractor=DynamicRoutingExtractor(size, **options),
            max_history_length=LENGTH,
        ),
    ],
    ids=["MIND", "ComiRec-DR"],
)
def test_capsule_models_have_every_signature(log, build):
    model = draw_weights(
        build(
            log.vocabulary_size,
            num_interests=3,
            embedding_dim=DIM,
            max_history_length=LENGTH,
        )
    )
    module = RecommenderModule(model, log, LENGTH)
    histories = [raw(log, 0, 0, 0, 5), raw(log, 2, 4, 6, 8), [""] * 4]

    answer = ask(module, histories, "interests", k=2)

    features = {"item_ids": tf.constant([[0, 0, 0, 5], [2, 4, 6, 8], [0] * 4])}
    np.testing.assert_allclose(
        answer["interests"], model(features), rtol=1e-3, atol=1e-5
    )
    expected = (
        [[1, 0, 0], [0.5, 0.5, 0], [1, 0, 0]]  # floor(log2 n), at least 1.
        if isinstance(model, MIND)
        else np.full((3, 3), 1 / 3)
    )
    np.testing.assert_allclose(answer["interest_probabilities"], expected)
    np.testing.assert_allclose(
        answer["attention"].sum(axis=2)[:2], np.ones((2, 3)), rtol=1e-5
    )
    vectors = ask(module, histories, "user_embedding")["user_embedding"]
    np.testing.assert_allclose(vectors, answer["interests"], rtol=1e-4)
    diverse = ask(module, histories, "recommend_diverse", diversity=0.0)
    plain = ask(module, histories)
    np.testing.assert_array_equal(diverse["item_ids"], plain["item_ids"])
    scores = ask(
        module, histories, "score", candidate_ids=texts(plain["item_ids"])
    )
    np.testing.assert_allclose(
        scores["scores"], plain["scores"], rtol=1e-3, atol=1e-5
    )
