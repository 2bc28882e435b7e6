"""What holds for every layer: shapes, round trips, padding, gradients."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.harness import (
    DIM,
    NUM_INTERESTS,
    PADDED_LEFT,
    PADDED_LESS,
    PADDED_RIGHT,
    VOCABULARY_SIZE,
    LayerCase,
    as_context,
    as_ids,
    as_mask,
    as_moments,
    as_vectors,
    call,
    make_with_large_weights,
    outputs,
    through_json,
    through_saved_model,
)
from tfrs_timirec import layers

ATTENTION_DIM = 5
MAX_LENGTH = 7
FEED_FORWARD_DIM = 6
UNITS = 4

ITEM_TABLE = (VOCABULARY_SIZE, DIM)
ATTENTION_WEIGHTS = ((DIM, ATTENTION_DIM), (ATTENTION_DIM, NUM_INTERESTS))
TIME_TABLES = ((24, DIM), (33, DIM))  # Hours; gaps by their logarithm.
POSITION_TABLE = (MAX_LENGTH + 1, DIM)  # One more for padding.


def transformer_weights(feed_forward_dim):
    return (
        *((DIM, 3 * DIM), (3 * DIM,)),  # Query, key and value.
        *((DIM, feed_forward_dim), (feed_forward_dim,)),
        *((feed_forward_dim, DIM), (DIM,)),
        *((DIM,), (DIM,), (DIM,), (DIM,)),  # Gamma and beta, twice.
    )


def gru_weights(units):
    return (
        *((DIM, 3 * units), (units, 3 * units)),
        *((3 * units,), (3 * units,)),
    )


def with_pairs(vectors):
    """Adds to items what they see of each other: here their difference."""

    def inputs(item_ids, filler):
        features = vectors(item_ids, filler)
        items = features["item_vectors"]
        differences = items[:, :, np.newaxis] - items[:, np.newaxis]
        return {
            **features,
            "pair_keys": differences,
            "pair_values": 0.5 * differences,
        }

    return inputs


def extractor_case(**options):
    return LayerCase(
        make=lambda: layers.SelfAttentiveExtractor(
            vocabulary_size=VOCABULARY_SIZE,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
            attention_dim=ATTENTION_DIM,
            max_history_length=MAX_LENGTH,
            **options,
        ),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS, DIM),
        weight_shapes=(
            *(ITEM_TABLE, POSITION_TABLE, *ATTENTION_WEIGHTS),
            *(transformer_weights(DIM) if options.get("transformer") else ()),
        ),
        is_zero_when_empty=True,
    )


def capsule_case(extractor_class, *vote_shape, **options):
    return LayerCase(
        make=lambda: extractor_class(
            vocabulary_size=VOCABULARY_SIZE,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
            max_history_length=MAX_LENGTH,
            **options,
        ),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS, DIM),
        weight_shapes=(ITEM_TABLE, vote_shape),
        is_zero_when_empty=True,
    )


def predictor_case(num_projection_layers):
    hidden = ((DIM, DIM), (DIM,)) if num_projection_layers == 2 else ()
    return LayerCase(
        make=lambda: layers.GRUInterestPredictor(
            vocabulary_size=VOCABULARY_SIZE,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
            num_projection_layers=num_projection_layers,
            dropout=0.25,
        ),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS),
        weight_shapes=(
            *(ITEM_TABLE, *gru_weights(DIM), *hidden),
            *((DIM, NUM_INTERESTS), (NUM_INTERESTS,)),
        ),
    )


def contextual_case(predictor_class, names, weight_shapes, **options):
    return LayerCase(
        make=lambda: predictor_class(
            vocabulary_size=VOCABULARY_SIZE,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
            **options,
        ),
        inputs=as_context("item_ids", *names),
        output_shape=(4, NUM_INTERESTS),
        weight_shapes=(
            *(ITEM_TABLE, *gru_weights(DIM), *weight_shapes),
            *((DIM,), (DIM, NUM_INTERESTS), (NUM_INTERESTS,)),
        ),
    )


def field_weights(*sizes):
    """Returns the tables of a DeepFM's fields, its hidden layer and P."""
    num_vectors = len(sizes) + 1  # And the history.
    return (
        *((size, DIM) for size in sizes),
        *((size, NUM_INTERESTS) for size in sizes),
        *((DIM, NUM_INTERESTS), (num_vectors * DIM, DIM)),
    )


CASES = {
    "ItemEmbedding": LayerCase(
        make=lambda: layers.ItemEmbedding(
            vocabulary_size=VOCABULARY_SIZE, embedding_dim=DIM
        ),
        inputs=as_ids,
        output_shape=(4, 6, DIM),
        weight_shapes=(ITEM_TABLE,),
        is_per_item=True,
    ),
    "RecencyEmbedding": LayerCase(
        make=lambda: layers.RecencyEmbedding(
            max_history_length=MAX_LENGTH, embedding_dim=DIM
        ),
        inputs=as_mask,
        output_shape=(4, 6, DIM),
        weight_shapes=(POSITION_TABLE,),
        is_per_item=True,
    ),
    "MultiInterestAttention": LayerCase(
        make=lambda: layers.MultiInterestAttention(
            num_interests=NUM_INTERESTS, attention_dim=ATTENTION_DIM
        ),
        inputs=as_vectors("item_vectors"),
        output_shape=(4, NUM_INTERESTS, DIM),
        weight_shapes=ATTENTION_WEIGHTS,
        is_zero_when_empty=True,
    ),
    "TransformerBlock": LayerCase(
        make=lambda: layers.TransformerBlock(feed_forward_dim=FEED_FORWARD_DIM),
        inputs=as_vectors("item_vectors"),
        output_shape=(4, 6, DIM),
        weight_shapes=transformer_weights(FEED_FORWARD_DIM),
        is_per_item=True,
    ),
    "TransformerBlock-causal": LayerCase(
        make=lambda: layers.TransformerBlock(FEED_FORWARD_DIM, causal=True),
        inputs=as_vectors("item_vectors"),
        output_shape=(4, 6, DIM),
        weight_shapes=transformer_weights(FEED_FORWARD_DIM),
        is_per_item=True,
    ),
    "TransformerBlock-pairs": LayerCase(
        make=lambda: layers.TransformerBlock(FEED_FORWARD_DIM),
        inputs=with_pairs(as_vectors("item_vectors")),
        output_shape=(4, 6, DIM),
        weight_shapes=transformer_weights(FEED_FORWARD_DIM),
        is_per_item=True,
    ),
    "PackedGRU": LayerCase(
        make=lambda: layers.PackedGRU(units=UNITS),
        inputs=as_vectors("inputs"),
        output_shape=(4, UNITS),
        weight_shapes=gru_weights(UNITS),
        is_zero_when_empty=True,
    ),
    "SelfAttentiveExtractor": extractor_case(),
    "SelfAttentiveExtractor-positions_in_sum": extractor_case(
        positions_in_sum=True
    ),
    "SelfAttentiveExtractor-transformer": extractor_case(transformer=True),
    "DynamicRoutingExtractor": capsule_case(
        layers.DynamicRoutingExtractor, MAX_LENGTH, DIM, NUM_INTERESTS * DIM
    ),
    "MINDExtractor": capsule_case(layers.MINDExtractor, DIM, DIM),
    "MINDExtractor-adaptive_interests": capsule_case(
        layers.MINDExtractor, DIM, DIM, adaptive_interests=True
    ),
    "GRUInterestPredictor-1": predictor_case(1),
    "GRUInterestPredictor-2": predictor_case(2),
    "TransformerInterestPredictor": LayerCase(
        make=lambda: layers.TransformerInterestPredictor(
            vocabulary_size=VOCABULARY_SIZE,
            max_history_length=MAX_LENGTH,
            num_interests=NUM_INTERESTS,
            embedding_dim=DIM,
        ),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS),
        weight_shapes=(
            *(ITEM_TABLE, POSITION_TABLE, *transformer_weights(DIM)),
            *((DIM, DIM), (DIM,), (DIM, NUM_INTERESTS), (NUM_INTERESTS,)),
        ),
    ),
    "TimeEmbedding": LayerCase(
        make=lambda: layers.TimeEmbedding(embedding_dim=DIM),
        inputs=as_moments,
        output_shape=(4, 6, DIM),
        weight_shapes=TIME_TABLES,
        is_per_item=True,
    ),
    "TimeAwareInterestPredictor": contextual_case(
        layers.TimeAwareInterestPredictor,
        ("timestamps", "request_timestamp"),
        (*TIME_TABLES, *TIME_TABLES, (DIM, DIM)),
    ),
    "DeepFMInterestPredictor": contextual_case(
        layers.DeepFMInterestPredictor,
        ("request_timestamp",),
        field_weights(25),  # The hours, and none.
    ),
    "DeepFMInterestPredictor-attributes": contextual_case(
        layers.DeepFMInterestPredictor,
        ("item_kind", "user_age"),
        field_weights(4, 5),
        time_of_day=False,
        attribute_sizes={"item_kind": 4, "user_age": 5},
    ),
    "UniformInterestPredictor": LayerCase(
        make=lambda: layers.UniformInterestPredictor(NUM_INTERESTS),
        inputs=as_ids,
        output_shape=(4, NUM_INTERESTS),
        weight_shapes=(),
        is_zero_when_empty=True,
    ),
}

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
