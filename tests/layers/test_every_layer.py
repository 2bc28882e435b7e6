"""What holds for every layer: shapes, round trips, padding, gradients."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.harness import (
    PADDED_LEFT,
    PADDED_LESS,
    PADDED_RIGHT,
    call,
    make_with_large_weights,
    outputs,
    through_json,
    through_saved_model,
)
from tests.layers.layer_cases import CASES
from tfrs_timirec import layers

every_layer = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@pytest.fixture
def bfloat16():
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    tf.keras.mixed_precision.set_global_policy(before)


def test_every_public_layer_has_a_case():
    public = {
        name
        for name in layers.__all__
        if name[0].isupper()
        and issubclass(getattr(layers, name), tf.keras.layers.Layer)
    }
    assert {name.split("-")[0] for name in CASES} == public


@every_layer
def test_shape_dtype_and_weights(case):
    layer = case.make()
    output = call(layer, case.inputs(PADDED_LEFT, 0.0))

    assert output.shape == case.output_shape
    assert output.dtype == tf.float32
    shapes = [tuple(weight.shape) for weight in layer.trainable_weights]
    assert sorted(shapes) == sorted(case.weight_shapes)
    assert not layer.non_trainable_weights


@every_layer
@pytest.mark.parametrize("own", ["float32", "mixed_bfloat16"])
def test_precision_of_its_own_reaches_every_part(case, own, bfloat16):
    inputs = case.inputs(PADDED_LEFT, 0.0)
    if own == "mixed_bfloat16":
        tf.keras.mixed_precision.set_global_policy("float32")
    config = case.make().get_config() | {"dtype": own}
    layer = type(case.make()).from_config(config)

    output = call(layer, inputs)

    assert output.dtype == tf.keras.mixed_precision.Policy(own).compute_dtype
    parts = {part.dtype_policy.name for part in layer.submodules}
    assert parts <= {own}


@every_layer
def test_json_round_trip_gives_equal_outputs(case):
    layer = make_with_large_weights(case)
    copy = through_json(layer)
    outputs(case, copy, PADDED_LEFT)  # Builds it.
    copy.set_weights(layer.get_weights())

    assert copy.get_config() == layer.get_config()
    np.testing.assert_array_equal(
        outputs(case, copy, PADDED_LEFT), outputs(case, layer, PADDED_LEFT)
    )


@every_layer
def test_saved_model_round_trip_gives_equal_outputs(case, tmp_path):
    layer = make_with_large_weights(case)
    inputs = case.inputs(PADDED_LEFT, 0.0)

    loaded = through_saved_model(layer, inputs, tmp_path)

    np.testing.assert_allclose(
        loaded(inputs).numpy(), call(layer, inputs).numpy(), atol=1e-6
    )
    two = case.inputs(PADDED_LEFT[:2], 0.0)  # Any size of batch.
    np.testing.assert_allclose(
        loaded(two).numpy(), call(layer, two).numpy(), atol=1e-6
    )


@every_layer
def test_padding_changes_nothing(case):
    layer = make_with_large_weights(case)
    expected = outputs(case, layer, PADDED_LEFT)

    for other in (
        outputs(case, layer, PADDED_LEFT, filler=100.0),
        outputs(case, layer, PADDED_RIGHT),
        outputs(case, layer, PADDED_RIGHT, filler=-7.0),
    ):
        np.testing.assert_allclose(other, expected, atol=1e-5)
    shorter = outputs(case, layer, PADDED_LESS)
    np.testing.assert_allclose(shorter, expected[: len(shorter)], atol=1e-5)


@every_layer
def test_a_history_depends_on_no_other_in_its_batch(case):
    layer = make_with_large_weights(case)
    together = outputs(case, layer, PADDED_LEFT)

    alone = [
        outputs(case, layer, PADDED_LEFT[row : row + 1]) for row in range(4)
    ]

    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-5)


@every_layer
def test_history_without_an_item_stays_finite(case):
    layer = make_with_large_weights(case)
    ids = np.concatenate([np.zeros((1, 6), np.int32), PADDED_LEFT])
    inputs = case.inputs(ids, 3.0)

    with tf.GradientTape() as tape:
        output = call(layer, inputs)
        loss = tf.reduce_sum(output**2)
    gradients = tape.gradient(loss, layer.trainable_weights)

    assert np.isfinite(output.numpy()).all()
    for gradient in gradients:
        assert np.isfinite(tf.convert_to_tensor(gradient).numpy()).all()
    if case.is_zero_when_empty:
        assert not output.numpy()[0].any()
    empty = np.zeros((2, 6), np.int32)  # Not a single item in the batch.
    assert np.isfinite(call(layer, case.inputs(empty, 3.0)).numpy()).all()


@every_layer
def test_every_weight_gets_a_finite_gradient(case):
    layer = make_with_large_weights(case)
    targets = np.random.default_rng(3).normal(size=case.output_shape)
    if case.is_per_item:
        targets = targets * (PADDED_LEFT != 0)[..., np.newaxis]

    with tf.GradientTape() as tape:
        output = call(layer, case.inputs(PADDED_LEFT, 0.0))
        loss = tf.reduce_sum(output * targets.astype(np.float32))
    gradients = tape.gradient(loss, layer.trainable_weights)

    for weight, gradient in zip(
        layer.trainable_weights, gradients, strict=True
    ):
        assert gradient is not None, weight.name
        values = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(values).all(), weight.name
        assert np.abs(values).max() > 1e-6, weight.name


@every_layer
def test_bfloat16_is_close_to_float32(case, bfloat16):
    layer = make_with_large_weights(case)
    output = call(layer, case.inputs(PADDED_LEFT, 0.0))

    assert output.dtype == tf.bfloat16
    assert {weight.dtype for weight in layer.weights} <= {tf.float32}
    tf.keras.mixed_precision.set_global_policy("float32")
    exact = make_with_large_weights(case)
    expected = outputs(case, exact, PADDED_LEFT)
    actual = tf.cast(output, tf.float32).numpy()
    if case.is_per_item:
        actual = actual[PADDED_LEFT != 0]
    # bfloat16 keeps 8 bits, 1/256 of a value; some ten roundings in a row.
    np.testing.assert_allclose(
        actual, expected, atol=0.05 * np.abs(expected).max()
    )
