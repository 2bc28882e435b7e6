"""What `fit` does with every model: means, precision, progress."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models.toys import (
    MODELS,
    SIZES,
    SOFTMAX_MODELS,
    make_batch,
    make_model,
)
from tfrs_timirec.layers import ItemEmbedding, ResumableDropout
from tfrs_timirec.models import (
    ComiRec,
    SASRec,
    SequentialRecommender,
    TiMiRec,
    TiSASRec,
)
from tfrs_timirec.training import AdamL2

every_model = pytest.mark.parametrize("make", MODELS.values(), ids=list(MODELS))


@pytest.fixture
def mixed_float16():
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    yield
    tf.keras.mixed_precision.set_global_policy(before)


@every_model
def test_epoch_reports_the_mean_over_instances(make):
    model = make()
    if hasattr(model, "predictor"):
        model.predictor.hidden_dropout = ResumableDropout(0.0)
    model.compile(optimizer=tf.keras.optimizers.SGD(0.0))
    batch = make_batch(size=7)
    # Batches of 3, 3 and 1: the mean of their losses would be another one.
    data = tf.data.Dataset.from_tensor_slices(batch).batch(3)
    losses = [model.compute_loss(part).numpy() for part in data]
    expected = np.average(losses, weights=[3, 3, 1])
    assert abs(np.mean(losses) - expected) > 1e-4

    history = model.fit(data, epochs=2, verbose=0).history

    # Nothing was learned, so the second epoch is the same.
    np.testing.assert_allclose(history["loss"], [expected] * 2, rtol=1e-5)
    if "ranking_loss" in history:
        np.testing.assert_allclose(
            history["loss"],
            np.add(history["ranking_loss"], history["distillation_loss"]),
            rtol=1e-5,
        )


@pytest.mark.parametrize(
    "make",
    [*MODELS.values(), *SOFTMAX_MODELS.values()],
    ids=[*MODELS, *SOFTMAX_MODELS],
)
def test_loss_falls(make):
    model = make()
    model.compile(optimizer=AdamL2(learning_rate=0.03))
    batch = make_batch(size=10)
    before = model.compute_loss(batch).numpy()
    data = tf.data.Dataset.from_tensors(batch).repeat(40)

    model.fit(data, epochs=1, verbose=0)

    # Targets are among ids 2 to 6 and negatives from 7 on: easy to part.
    assert model.compute_loss(batch).numpy() < 0.5 * before


@every_model
def test_mixed_precision_trains(make, mixed_float16):
    model = make()
    model.compile(optimizer=AdamL2(learning_rate=0.03))
    batch = make_batch(size=10)
    data = tf.data.Dataset.from_tensors(batch).repeat(15)

    history = model.fit(data, validation_data=data, epochs=3, verbose=0).history

    assert isinstance(
        model.optimizer, tf.keras.mixed_precision.LossScaleOptimizer
    )
    assert model(batch).dtype == tf.float16
    assert {variable.dtype for variable in model.trainable_variables} == {
        tf.float32
    }
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert 0 < history["val_ndcg_at_5"][-1] <= 1


@every_model
def test_replica_without_an_instance_has_no_loss(make):
    model = make()
    batch = {name: values[:0] for name, values in make_batch().items()}
    assert model.compute_loss(batch).numpy() == 0


@pytest.mark.parametrize("stage", TiMiRec.stages)
def test_batch_that_fills_a_replica_leaves_the_mean_losses(stage):
    model = make_model()
    model.set_stage(stage)
    model.compile(optimizer=tf.keras.optimizers.SGD(0.01))
    batch = make_batch()
    before = model.train_step(batch)
    filler = {name: values[:1] for name, values in batch.items()}

    after = model.train_step(filler | {"batch_share": tf.constant(0.0)})

    assert before["loss"].numpy() > 0
    for name, value in before.items():
        assert after[name].numpy() == value.numpy(), name
    real = model.train_step(filler | {"batch_share": tf.constant(1.0)})
    assert real["loss"].numpy() != before["loss"].numpy()


def test_labels_are_refused():
    model = make_model()
    model.compile("adam")
    batch = make_batch()

    for use in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="without labels.*`target_id`"):
            use(batch, batch["target_id"], verbose=0)


@pytest.mark.parametrize("stage", ["pretraining", "finetuning"])
def test_batches_by_hand(stage):
    model = make_model()
    model.compile("adam")
    model.set_stage(stage)
    batch = make_batch() | {"candidate_ids": tf.constant([[2, 3]] * 6)}

    losses = model.train_on_batch(batch, return_dict=True)
    metrics = model.test_on_batch(batch, return_dict=True)

    assert np.isfinite(losses["loss"])
    assert metrics.keys() >= {"hit_rate_at_5", "ndcg_at_20"}


def test_compile_takes_no_loss_and_no_metrics():
    model = make_model()

    with pytest.raises(ValueError, match="no `loss`.*the model's own `loss`"):
        model.compile("adam", loss="mse")
    with pytest.raises(ValueError, match="no `metrics`"):
        model.compile("adam", metrics=["mae"])


def test_compile_refuses_xla():
    with pytest.raises(ValueError, match="`jit_compile` must be False"):
        make_model().compile("adam", jit_compile=True)


def test_legacy_optimizer_is_refused():
    with pytest.raises(ValueError, match="`optimizer` must not be a legacy"):
        make_model().compile(tf.keras.optimizers.legacy.Adam())


def test_loss_scale_does_not_change_the_step(mixed_float16):
    steps = []
    for initial_scale in (1.0, 1024.0):
        model = make_model()
        before = model.extractor.get_weights()
        model.compile(
            optimizer=tf.keras.mixed_precision.LossScaleOptimizer(
                tf.keras.optimizers.SGD(1.0),
                dynamic=False,
                initial_scale=initial_scale,
            )
        )
        model.train_step(make_batch())
        after = model.extractor.get_weights()
        steps.append(
            [new - old for old, new in zip(before, after, strict=True)]
        )

    for one, other in zip(*steps, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_two_fits_without_a_callback():
    model = make_model()
    model.compile(optimizer=AdamL2(learning_rate=0.01))
    data = tf.data.Dataset.from_tensors(make_batch()).repeat(5)
    first = model.fit(data, validation_data=data, epochs=2, verbose=0).history
    model.set_stage("finetuning")
    predictor = model.predictor.get_weights()
    second = model.fit(data, validation_data=data, epochs=2, verbose=0).history

    assert set(first["distillation_loss"]) == {0.0}
    assert min(second["distillation_loss"]) > 0
    assert "val_js_divergence" in second
    changed = [
        (old != new).any()
        for old, new in zip(
            predictor, model.predictor.get_weights(), strict=True
        )
    ]
    assert all(changed)


def test_several_steps_an_execution_come_to_the_same():
    weights = []
    for steps in (1, 3):
        tf.keras.utils.set_random_seed(0)
        model = make_model()
        model.compile(optimizer=AdamL2(), steps_per_execution=steps)
        data = tf.data.Dataset.from_tensor_slices(make_batch(12)).batch(2)
        model.fit(data, epochs=1, verbose=0)
        weights.append(model.extractor.get_weights())

    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_losses_of_a_layer_of_ones_own_count():
    model = make_model()
    penalty = tf.keras.regularizers.L2(0.1)
    model.extractor.add_loss(
        lambda: penalty(model.extractor.attention.hidden_kernel)
    )
    model.compile(optimizer="sgd")
    batch = make_batch()
    kernel = model.extractor.attention.hidden_kernel.numpy()
    expected = model.compute_loss(batch).numpy() + 0.1 * (kernel**2).sum()

    logs = model.train_step(batch)

    assert logs["loss"].numpy() == pytest.approx(expected, rel=1e-5)


def test_base_class_says_what_is_missing():
    class Nothing(SequentialRecommender):
        pass

    with pytest.raises(NotImplementedError, match="`item_embeddings`"):
        _ = Nothing().item_embeddings


class LastItem(SequentialRecommender):
    """The example of the base class: it knows only the last item."""

    def __init__(self):
        super().__init__()
        self.items = ItemEmbedding(SIZES["vocabulary_size"])

    @property
    def item_embeddings(self):
        return self.items.embeddings

    def call(self, features, training=None):
        return self.items(features["item_ids"][:, -1:])


def test_a_recommender_of_ones_own_learns():
    model = LastItem()
    model.compile(optimizer=AdamL2(learning_rate=0.03))
    batch = make_batch(size=10)
    before = model.compute_loss(batch).numpy()

    model.fit(tf.data.Dataset.from_tensors(batch).repeat(40), verbose=0)

    assert model.compute_loss(batch).numpy() < 0.5 * before


@pytest.mark.parametrize(
    ("make", "places"),
    [
        (lambda: SASRec(**SIZES, num_blocks=2, dropout=0.5), 5),
        (lambda: TiSASRec(**SIZES, num_blocks=2, dropout=0.5), 5),
        (lambda: make_model(ComiRec, transformer=True, dropout=0.5), 3),
        (lambda: make_model(ComiRec, dropout=0.5), 1),
    ],
    ids=["SASRec", "TiSASRec", "ComiRec+", "ComiRec"],
)
def test_each_dropout_has_its_place(make, places):
    model = make()
    for weight in model.trainable_variables:  # Else next to nothing.
        weight.assign(30 * weight)
    batch = make_batch()
    dropouts = [
        part for part in model.submodules if isinstance(part, ResumableDropout)
    ]
    assert len(dropouts) == places
    generators = [dropout.random_generator for dropout in dropouts]
    for kept in range(places):
        for place, dropout in enumerate(dropouts):
            dropout.random_generator = (
                generators[place] if place == kept else None
            )
        first, second = (
            model.compute_loss(batch, training=True).numpy() for _ in range(2)
        )
        assert first != second, dropouts[kept].name
        assert model.compute_loss(batch) == model.compute_loss(batch)
