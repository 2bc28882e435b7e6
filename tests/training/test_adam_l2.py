"""AdamL2 against PyTorch's Adam, written anew in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.training import AdamL2, LazyAdam, RowwiseLazyAdam

STEPS = 5


def pytorch_adam(  # noqa: PLR0917
    weights, gradients, l2, rates, beta_1=0.9, beta_2=0.999, epsilon=1e-8
):
    """`torch.optim.Adam(weight_decay=l2)`, after its documentation."""
    first = second = np.zeros_like(weights)
    for step, (gradient, rate) in enumerate(
        zip(gradients, rates, strict=True), start=1
    ):
        decayed = gradient + l2 * weights
        first = beta_1 * first + (1 - beta_1) * decayed
        second = beta_2 * second + (1 - beta_2) * decayed**2
        corrected = second / (1 - beta_2**step)
        weights = weights - rate * (first / (1 - beta_1**step)) / (
            np.sqrt(corrected) + epsilon
        )
    return weights


def dense_gradients(shape, seed=0):
    return np.random.default_rng(seed).normal(size=(STEPS, *shape))


def take_steps(optimizer, variable, gradients):
    for gradient in gradients:
        optimizer.apply_gradients([(gradient, variable)])
    return variable.numpy()


def as_tensors(gradients):
    return [tf.constant(gradient, tf.float32) for gradient in gradients]


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize(
    "options", [{}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1}]
)
def test_dense_steps(l2, options):
    start = np.random.default_rng(1).normal(size=(4, 3))
    gradients = dense_gradients((4, 3))
    variable = tf.Variable(start, dtype=tf.float32, name="kernel")

    weights = take_steps(
        AdamL2(learning_rate=0.1, l2=l2, **options),
        variable,
        as_tensors(gradients),
    )

    expected = pytorch_adam(start, gradients, l2, [0.1] * STEPS, **options)
    np.testing.assert_allclose(weights, expected, atol=1e-5)


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_sparse_steps_sum_repeated_rows_and_move_the_others(l2):
    rng = np.random.default_rng(2)
    start = rng.normal(size=(6, 3))
    indices = [[0, 2, 2], [5, 5, 5], [1, 0, 2], [4, 4, 1], [0, 1, 5]]
    values = rng.normal(size=(STEPS, 3, 3))
    dense = np.zeros((STEPS, 6, 3))
    for step in range(STEPS):
        np.add.at(dense[step], indices[step], values[step])
    variable = tf.Variable(start, dtype=tf.float32, name="embeddings")

    weights = take_steps(
        AdamL2(learning_rate=0.1, l2=l2),
        variable,
        [
            tf.IndexedSlices(
                tf.constant(rows, tf.float32), tf.constant(ids), (6, 3)
            )
            for rows, ids in zip(values, indices, strict=True)
        ],
    )

    expected = pytorch_adam(start, dense, l2, [0.1] * STEPS)
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    # Row 3 is in no batch: only the decay moves it.
    assert (np.abs(weights[3] - start[3]) > 0.1).all() == bool(l2)


@pytest.mark.parametrize(
    ("name", "is_decayed"),
    [
        ("kernel", True),
        ("embeddings", True),
        ("gamma", True),
        ("bias", False),
        ("gru/recurrent_bias", False),
        ("norm/beta", False),
        ("beta_layer/kernel", True),
    ],
)
def test_biases_are_not_decayed(name, is_decayed):
    variable = tf.Variable([1.0, -1.0], name=name)

    # Without a gradient only the decay can move it: by the learning rate in
    # the first step, whose two moments agree.
    weights = take_steps(
        AdamL2(learning_rate=0.1, l2=0.01), variable, [tf.zeros(2)]
    )

    expected = [0.9, -0.9] if is_decayed else [1, -1]
    np.testing.assert_allclose(weights, expected, atol=1e-4)


def test_layers_name_their_biases_so():
    dense = tf.keras.layers.Dense(2)
    norm = tf.keras.layers.LayerNormalization()
    norm(dense(tf.ones((1, 3))))
    dense.bias.assign([1.0, 1.0])
    norm.beta.assign([1.0, 1.0])
    variables = [*dense.weights, *norm.weights]
    before = [variable.numpy() for variable in variables]

    AdamL2(learning_rate=0.1, l2=0.01).apply_gradients(
        [(tf.zeros_like(variable), variable) for variable in variables]
    )

    moved = {
        variable.name.split("/")[-1]
        for old, variable in zip(before, variables, strict=True)
        if (old != variable.numpy()).any()
    }
    assert moved == {"kernel:0", "gamma:0"}


def test_learning_rate_schedule():
    schedule = tf.keras.optimizers.schedules.PiecewiseConstantDecay(
        [1, 3], [0.1, 0.01, 0.5]
    )
    start = np.ones((2, 2))
    gradients = dense_gradients((2, 2))
    variable = tf.Variable(start, dtype=tf.float32, name="kernel")

    weights = take_steps(AdamL2(schedule), variable, as_tensors(gradients))

    # The rate of steps 0 and 1 is the first, of 2 and 3 the second.
    rates = [0.1, 0.1, 0.01, 0.01, 0.5]
    expected = pytorch_adam(start, gradients, 0, rates)
    np.testing.assert_allclose(weights, expected, atol=1e-5)


def test_learning_rate_can_be_set():
    optimizer = AdamL2(learning_rate=0.1)
    variable = tf.Variable([1.0], name="kernel")
    optimizer.apply_gradients([(tf.ones(1), variable)])
    optimizer.learning_rate = 0.0
    before = variable.numpy()
    optimizer.apply_gradients([(tf.ones(1), variable)])

    assert before == pytest.approx(0.9)
    assert variable.numpy() == before


def test_clipping_comes_before_the_decay():
    start = np.array([2.0, -1.0])
    gradients = 100 * dense_gradients((2,))
    variable = tf.Variable(start, dtype=tf.float32, name="kernel")

    weights = take_steps(
        AdamL2(learning_rate=0.1, l2=0.5, clipvalue=1.0),
        variable,
        as_tensors(gradients),
    )

    expected = pytorch_adam(
        start, np.clip(gradients, -1, 1), 0.5, [0.1] * STEPS
    )
    np.testing.assert_allclose(weights, expected, atol=1e-5)


@pytest.mark.parametrize(
    "learning_rate",
    [0.3, tf.keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)],
)
def test_config_round_trip(learning_rate):
    optimizer = AdamL2(
        learning_rate=learning_rate,
        l2=0.2,
        beta_1=0.8,
        beta_2=0.7,
        epsilon=0.1,
        clipnorm=2.0,
    )
    copy = tf.keras.optimizers.deserialize(
        tf.keras.optimizers.serialize(optimizer)
    )

    assert isinstance(copy, AdamL2)
    assert copy.get_config() == optimizer.get_config()
    results = []
    for one in (optimizer, copy):
        variable = tf.Variable([1.0, 2.0], name="kernel")
        results.append(
            take_steps(one, variable, as_tensors(dense_gradients((2,))))
        )
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("l2", [-1e-6, float("nan")])
def test_l2_must_not_be_negative(l2):
    with pytest.raises(ValueError, match="`l2` must not be negative.*l2="):
        AdamL2(l2=l2)


@pytest.mark.parametrize("optimizer_class", [AdamL2, LazyAdam, RowwiseLazyAdam])
def test_update_is_not_compiled_where_there_is_a_gpu(
    optimizer_class, monkeypatch
):
    # Keras asks when an optimizer is made, and then compiles for the GPU.
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    variable = tf.Variable(tf.ones((4, 3)), name="kernel")
    optimizer = optimizer_class(0.1, l2=0.1)

    optimizer.apply_gradients([(tf.ones((4, 3)), variable)])

    np.testing.assert_allclose(variable.numpy(), 0.9, rtol=1e-5)


def test_weight_decay_of_keras_is_another_one():
    with pytest.raises(ValueError, match="`weight_decay`.*Give `l2`"):
        AdamL2(weight_decay=1e-4)
