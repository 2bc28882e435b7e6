"""Weights kept on disk, in blocks where they are large."""

import numpy as np
import pytest
import tensorflow as tf

from tests.training.toy_runs import assert_equal_weights
from tfrs_timirec.training import StageWeights, stage_weights


@pytest.fixture(params=[None, 40])
def _blocks(request, monkeypatch):
    """Copies all at once, or a table of 3 columns 3 rows at a time."""
    if request.param:
        monkeypatch.setattr(stage_weights, "BLOCK_BYTES", request.param)


def make_variables():
    return [
        tf.Variable(tf.random.normal((10, 3))),
        tf.Variable(tf.range(20.0)),
        tf.Variable(7, dtype=tf.int64),
    ]


@pytest.mark.usefixtures("_blocks")
def test_weights_come_back():
    variables = make_variables()
    expected = [variable.numpy() for variable in variables]
    stages = StageWeights()
    stages.keep("first", variables)
    for variable in variables:
        stage_weights.assign(variable, 0)
        assert not variable.numpy().any()

    assert_equal_weights(stages["first"], expected)
    stages.restore("first", variables)

    assert_equal_weights([variable.numpy() for variable in variables], expected)


def test_is_a_mapping_of_what_was_kept_last(tmp_path):
    stages = StageWeights(tmp_path / "stages")
    for value in (1.0, 2.0):
        stages.keep("first", [np.full(3, value)])
    stages.keep("second", [np.zeros(2)])

    assert list(stages) == ["first", "second"]
    np.testing.assert_array_equal(stages["first"][0], [2, 2, 2])
    assert len(list(stages.directory.iterdir())) == 3
    stages.discard(stages.folders)
    assert len(list(stages.directory.iterdir())) == 2
    np.testing.assert_array_equal(stages["first"][0], [2, 2, 2])
    with pytest.raises(KeyError):
        stages["third"]


def test_other_variables_are_an_error():
    stages = StageWeights()
    stages.keep("first", make_variables())

    with pytest.raises(ValueError, match="zip"):
        stages.restore("first", make_variables()[:2])


def test_table_on_several_servers_is_kept_as_one():
    layer = tf.keras.layers.Layer()
    layer.bias = tf.Variable([7.0])
    parts = [
        tf.Variable(tf.reshape(tf.range(first, first + 6.0), (3, 2)))
        for first in (0.0, 6.0)
    ]
    layer.table = tf.__internal__.distribute.ShardedVariable(parts)
    model = tf.keras.Sequential([layer])
    model(tf.zeros((1, 1)))
    # Keras lists the parts where it makes such a table itself.
    layer._trainable_weights = [*parts, layer.bias]

    stages = StageWeights()
    stages.keep("pretraining", stage_weights.whole_weights(model))

    table, bias = stages["pretraining"]
    np.testing.assert_array_equal(table, np.arange(12).reshape(6, 2))
    np.testing.assert_array_equal(bias, [7.0])
    for variable in (*parts, layer.bias):
        stage_weights.assign(variable, 0)
    stages.restore("pretraining", stage_weights.whole_weights(model))
    np.testing.assert_array_equal(parts[1], [[6, 7], [8, 9], [10, 11]])
    np.testing.assert_array_equal(layer.bias, [7.0])


def test_order_of_many_weights_stays():
    variables = [tf.Variable(float(number)) for number in range(1002)]
    stages = StageWeights()
    stages.keep("pretraining", variables)

    stages.restore("pretraining", variables)

    assert [float(variable) for variable in variables] == list(range(1002))


def test_bfloat16_comes_back(monkeypatch):
    for block_bytes in (stage_weights.BLOCK_BYTES, 8):
        monkeypatch.setattr(stage_weights, "BLOCK_BYTES", block_bytes)
        variable = tf.Variable(tf.constant([[1.5, 2.5]] * 9, tf.bfloat16))
        stages = StageWeights()
        stages.keep("pretraining", [variable])
        variable.assign(tf.zeros_like(variable))

        stages.restore("pretraining", [variable])

        assert (variable.numpy() == [1.5, 2.5]).all()


def test_discard_leaves_what_others_put_there(tmp_path):
    stages = StageWeights(tmp_path)
    stages.keep("pretraining", [np.ones(2)])
    (tmp_path / "my-results").mkdir()
    (tmp_path / "run-1").mkdir()
    (tmp_path / "run-1" / "table.csv").touch()
    (tmp_path / "notes-1.txt").touch()

    stages.discard()

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"my-results", "run-1", "notes-1.txt"}
