"""Whole models in .keras files, and as Keras's own SavedModels."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.models.toys import (
    LENGTH,
    SINGLES,
    SIZES,
    VOCABULARY_SIZE,
    LastItemPredictor,
    MeanExtractor,
    finetuning,
    make_batch,
    make_model,
)
from tfrs_timirec.layers import (
    DynamicRoutingExtractor,
    GRUInterestPredictor,
    ItemEmbedding,
    SelfAttentiveExtractor,
    TransformerInterestPredictor,
)
from tfrs_timirec.models import MIND, ComiRec, SequentialRecommender, TiMiRec
from tfrs_timirec.training import AdamL2


def make_with_layers():
    """Returns a TiMiRec whose extractor and predictor were given."""
    return finetuning(
        TiMiRec(
            extractor=DynamicRoutingExtractor(
                VOCABULARY_SIZE,
                num_interests=2,
                embedding_dim=4,
                max_history_length=LENGTH,
            ),
            predictor=TransformerInterestPredictor(
                VOCABULARY_SIZE,
                max_history_length=LENGTH,
                num_interests=2,
                embedding_dim=4,
            ),
            max_history_length=LENGTH,
        )
    )


MODELS = {
    **SINGLES,
    "ComiRec": lambda: make_model(ComiRec, loss="sampled_softmax"),
    "ComiRec+": lambda: make_model(ComiRec, transformer=True),
    "MIND": lambda: make_model(MIND, adaptive_interests=True),
    "TiMiRec": make_model,
    "TiMiRec-finetuning": lambda: finetuning(make_model()),
    "TiMiRec-joint": lambda: make_model(pretraining=False, temperature=0.5),
    "TiMiRec-layers": make_with_layers,
}


@pytest.mark.parametrize("make", MODELS.values(), ids=list(MODELS))
def test_model_comes_back_with_weights_stage_and_loss(make, tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")

    assert type(loaded) is type(model)
    assert loaded.stage == model.stage
    assert loaded.stages == model.stages
    batch = make_batch()
    np.testing.assert_allclose(loaded(batch), model(batch), atol=1e-6)
    np.testing.assert_allclose(
        loaded.compute_loss(batch), model.compute_loss(batch), rtol=1e-5
    )


def test_keras_s_own_saved_model_gives_the_same_vectors(tmp_path):
    model = finetuning(make_model())
    batch = {"item_ids": make_batch()["item_ids"]}
    vectors = model(batch)
    model.save(tmp_path / "saved_model")
    loaded = tf.keras.models.load_model(tmp_path / "saved_model")
    np.testing.assert_allclose(loaded(batch), vectors, atol=1e-6)


class LastItem(SequentialRecommender):
    """A recommender of a user's own, which is built by its first call."""

    def __init__(self, vocabulary_size):
        super().__init__()
        self.items = ItemEmbedding(vocabulary_size, embedding_dim=4)

    @property
    def item_embeddings(self):
        return self.items.embeddings

    def call(self, features, training=None):
        return self.items(features["item_ids"][:, -1:])


def test_model_of_a_user_s_own_comes_back(tmp_path):
    model = LastItem(VOCABULARY_SIZE)
    batch = {"item_ids": make_batch()["item_ids"]}
    vectors = model(batch)
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(
        tmp_path / "model.keras", custom_objects={"LastItem": LastItem}
    )
    np.testing.assert_allclose(loaded(batch), vectors)


def test_training_goes_on_as_if_the_model_had_not_been_saved(tmp_path):
    batches = tf.data.Dataset.from_tensors(make_batch())
    # One projection layer: two have a dropout between them.
    model = finetuning(make_model(num_projection_layers=1))
    model.compile(AdamL2(0.1, l2=0.01), steps_per_execution=1)
    model.fit(batches, epochs=3, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.l2 == model.optimizer.l2

    model.fit(batches, epochs=2, verbose=0)
    loaded.fit(batches, epochs=2, verbose=0)
    for ours, theirs in zip(
        model.trainable_weights, loaded.trainable_weights, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_configuration_is_what_the_constructor_got():
    model = TiMiRec(VOCABULARY_SIZE, embedding_dim=8, name="mine")
    config = json.loads(json.dumps(model.get_config()))
    assert config == {
        "vocabulary_size": VOCABULARY_SIZE,
        "embedding_dim": 8,
        "name": "mine",
        "stage": "pretraining",
        "dtype_policy": "float32",
    }
    assert TiMiRec.from_config(config).name == "mine"


def test_model_of_mixed_precision_stays_one(tmp_path):
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = make_model()
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")

    batch = make_batch()
    assert loaded(batch).dtype == tf.float16
    np.testing.assert_array_equal(loaded(batch), model(batch))
    assert tf.keras.mixed_precision.global_policy().name == "float32"


@tf.keras.utils.register_keras_serializable(package="tests")
class Renamed(ComiRec):
    """A model of a user's own, which passes on what it does not know."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)


def test_constructor_may_pass_on_arguments_under_another_name(tmp_path):
    model = Renamed(vocabulary_size=VOCABULARY_SIZE, embedding_dim=8)
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")
    batch = make_batch()
    np.testing.assert_allclose(loaded(batch), model(batch), atol=1e-6)


def test_argument_without_a_name_cannot_be_saved(tmp_path):
    model = Renamed(VOCABULARY_SIZE, embedding_dim=8)
    with pytest.raises(ValueError, match=r"without a name \(12,\)"):
        model.save(tmp_path / "model.keras")

    assert model.extractor in model.submodules


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_given_layers_keep_their_precision(policy, tmp_path):
    model = TiMiRec(
        extractor=SelfAttentiveExtractor(
            VOCABULARY_SIZE, num_interests=2, transformer=True, dtype=policy
        ),
        predictor=GRUInterestPredictor(
            VOCABULARY_SIZE, num_interests=2, dtype=policy
        ),
    )
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")
    batch = make_batch()
    assert loaded(batch).dtype == loaded.extractor.compute_dtype != tf.float32
    np.testing.assert_array_equal(loaded(batch), model(batch))


class Reloadable:
    """What Keras asks of a layer without arguments."""

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


class ReloadableExtractor(Reloadable, MeanExtractor):
    pass


class ReloadablePredictor(Reloadable, LastItemPredictor):
    pass


def test_unregistered_layers_are_named_on_loading(tmp_path):
    model = TiMiRec(
        extractor=ReloadableExtractor(),
        predictor=ReloadablePredictor(),
        max_history_length=SIZES["max_history_length"],
    )
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(
        tmp_path / "model.keras",
        custom_objects={
            layer.__name__: layer
            for layer in (ReloadableExtractor, ReloadablePredictor)
        },
    )
    batch = make_batch()
    np.testing.assert_allclose(
        finetuning(loaded)(batch), finetuning(model)(batch), atol=1e-6
    )


def test_precision_of_one_model_is_refused():
    with pytest.raises(ValueError, match="`dtype` must be left out"):
        ComiRec(VOCABULARY_SIZE, dtype="mixed_float16")
