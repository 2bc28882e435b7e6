"""LazyAdam: AdamL2 for what a batch touches, nothing for the rest."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models.toys import MODELS, VOCABULARY_SIZE, make_batch
from tfrs_timirec.training import AdamL2, LazyAdam

STEPS = 5
SHAPE = (6, 3)


def make_table(seed=0):
    start = np.random.default_rng(seed).normal(size=SHAPE)
    return tf.Variable(start, dtype=tf.float32, name="embeddings")


def slices(indices, values):
    return tf.IndexedSlices(
        tf.constant(values, tf.float32), tf.constant(indices), SHAPE
    )


def random_steps(indices):
    """One gradient a step, all of the same rows."""
    rng = np.random.default_rng(1)
    return [
        slices(indices, rng.normal(size=(len(indices), SHAPE[1])))
        for _ in range(STEPS)
    ]


def take_steps(optimizer, variable, gradients):
    for gradient in gradients:
        optimizer.apply_gradients([(gradient, variable)])
    return variable.numpy()


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize(
    "options", [{}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1}]
)
def test_dense_gradient_takes_the_step_of_adam_l2(l2, options):
    gradients = [
        tf.convert_to_tensor(gradient)
        for gradient in random_steps(list(range(SHAPE[0])))
    ]
    results = [
        take_steps(
            optimizer_class(learning_rate=0.1, l2=l2, **options),
            make_table(),
            gradients,
        )
        for optimizer_class in (LazyAdam, AdamL2)
    ]

    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize(
    "options", [{}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1}]
)
def test_rows_of_every_batch_move_as_with_adam_l2(l2, options):
    # All rows, some of them twice or three times.
    gradients = random_steps([3, 1, 0, 5, 2, 4, 3, 3, 0])
    lazy, dense = (
        take_steps(
            optimizer_class(learning_rate=0.1, l2=l2, **options),
            make_table(),
            gradients,
        )
        for optimizer_class in (LazyAdam, AdamL2)
    )

    assert (lazy != make_table().numpy()).all()
    np.testing.assert_allclose(lazy, dense, atol=1e-5)


def test_other_rows_and_their_moments_rest():
    table = make_table()
    optimizer = LazyAdam(learning_rate=0.1, l2=0.1)
    # Row 1 gets moments first, and is in no later batch.
    take_steps(optimizer, table, [slices([1], np.ones((1, 3)))])
    before = [value.numpy() for value in (table, *moments(optimizer))]

    take_steps(optimizer, table, random_steps([2, 5, 2]))

    after = [value.numpy() for value in (table, *moments(optimizer))]
    assert all(values[1].any() for values in before)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new[[0, 1, 3, 4]], old[[0, 1, 3, 4]])
        assert (new[[2, 5]] != old[[2, 5]]).all()


def moments(optimizer):
    return optimizer.variables[1:]  # Behind the step.


def test_row_that_comes_again_is_corrected_by_the_step():
    # Row 0 is in steps 1 and 3. Step 1, with gradient 1: both moments agree
    # once corrected, so the row moves by the rate. Step 3: first moment
    # 0.9 * 0.1 + 0.1 = 0.19 over 1 - 0.9^3 = 0.271, second moment
    # 0.999 * 0.001 + 0.001 = 0.001999 over 1 - 0.999^3 = 0.002997001.
    table = tf.Variable([[0.0], [0.0]], name="embeddings")
    gradients = [
        tf.IndexedSlices(tf.ones((1, 1)), tf.constant([row]), (2, 1))
        for row in (0, 1, 0)
    ]

    weights = take_steps(LazyAdam(learning_rate=0.1), table, gradients)

    third = 0.1 * (0.19 / 0.271) / np.sqrt(0.001999 / 0.002997001)
    np.testing.assert_allclose(weights[0], [-0.1 - third], rtol=1e-5)


@pytest.mark.parametrize("make", MODELS.values(), ids=list(MODELS))
def test_model_leaves_items_of_other_batches_alone(make):
    model = make()
    model.compile(optimizer=LazyAdam(learning_rate=0.1, l2=0.1))
    batch = make_batch(size=2)
    del batch["candidate_ids"]
    touched = {
        int(item)
        for name in ("item_ids", "target_id", "negative_ids")
        for item in np.ravel(batch[name])
    }
    assert len(touched) <= VOCABULARY_SIZE - 3  # Some items rest.
    before = model.item_embeddings.numpy()

    model.fit(tf.data.Dataset.from_tensors(batch), verbose=0)

    moved = (model.item_embeddings.numpy() != before).any(axis=1)
    assert touched - {0} <= set(np.flatnonzero(moved)) <= touched


def test_config_round_trip():
    optimizer = LazyAdam(learning_rate=0.3, l2=0.2, beta_1=0.8, clipvalue=2.0)
    copy = tf.keras.optimizers.deserialize(
        tf.keras.optimizers.serialize(optimizer)
    )

    assert isinstance(copy, LazyAdam)
    assert copy.get_config() == optimizer.get_config()


def test_moments_are_saved_in_a_checkpoint(tmp_path):
    gradients = random_steps([2, 5, 2])
    table, optimizer = make_table(), LazyAdam(learning_rate=0.1)
    take_steps(optimizer, table, gradients[:2])
    path = tf.train.Checkpoint(table=table, optimizer=optimizer).write(
        tmp_path / "ckpt"
    )
    expected = take_steps(optimizer, table, gradients[2:])

    table, optimizer = make_table(seed=9), LazyAdam(learning_rate=0.1)
    optimizer.build([table])
    tf.train.Checkpoint(table=table, optimizer=optimizer).read(
        path
    ).assert_consumed()

    np.testing.assert_array_equal(
        take_steps(optimizer, table, gradients[2:]), expected
    )


@pytest.mark.parametrize("l2", [-1e-6, float("nan")])
def test_l2_must_not_be_negative(l2):
    with pytest.raises(ValueError, match="LazyAdam: `l2` must not be negative"):
        LazyAdam(l2=l2)
