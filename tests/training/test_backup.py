"""Backup: what it keeps, and a save that was interrupted."""

import pathlib

import pytest
import tensorflow as tf

from tests.training.toy_runs import assert_equal_weights, make_model
from tfrs_timirec.models import ComiRec, SingleVectorRecommender
from tfrs_timirec.training import Backup


def progress_of(num_epochs):
    return {"history": [{"epoch": epoch} for epoch in range(num_epochs)]}


def test_nothing_saved_yet(tmp_path):
    assert Backup(tmp_path / "missing").progress() is None
    with pytest.raises(ValueError, match="must hold a backup.*missing"):
        Backup(tmp_path / "missing").restore(make_model(ComiRec))


def test_folder_that_could_not_be_read_back(tmp_path):
    with pytest.raises(ValueError, match=r"`directory` must be .*run\[1\]"):
        Backup(tmp_path / "run[1]")


def test_model_without_weights_yet_is_named(tmp_path):
    class LastItem(SingleVectorRecommender):
        def encode(self, features, training=None):
            return self.item_embedding(features["item_ids"][:, -1])

    model, other = LastItem(9), LastItem(9)
    for one in (model, other):
        one.compile("adam")
    model({"item_ids": tf.zeros((1, 3), tf.int32)})
    Backup(tmp_path).save(model, progress_of(1))

    with pytest.raises(ValueError, match="LastItem, which was not called yet"):
        Backup(tmp_path).restore(other)


def test_weights_optimizer_and_progress_come_back(tmp_path):
    model = make_model(ComiRec)
    model.optimizer.build(model.trainable_variables)
    for number, variable in enumerate(model.optimizer.variables):
        variable.assign(tf.ones_like(variable) * (number + 1))
    best = [weight + 1 for weight in model.get_weights()]
    saved = Backup(tmp_path)
    saved.stage_weights.keep("pretraining", best)
    saved.save(model, progress_of(2))

    other = make_model(ComiRec)
    for variable in other.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    backup = Backup(tmp_path)
    backup.restore(other)

    assert backup.progress() == progress_of(2) | {
        "stages": {"pretraining": "pretraining-0"}
    }
    assert_equal_weights(backup.stage_weights["pretraining"], best)
    assert_equal_weights(other.get_weights(), model.get_weights())
    assert_equal_weights(
        [variable.numpy() for variable in other.optimizer.variables],
        [variable.numpy() for variable in model.optimizer.variables],
    )


def test_last_two_are_kept(tmp_path):
    model = make_model(ComiRec)
    for num_epochs in (1, 2, 3):
        Backup(tmp_path).save(model, progress_of(num_epochs))

    indices = {path.name for path in pathlib.Path(tmp_path).glob("*.index")}
    assert indices == {"ckpt-2.index", "ckpt-3.index"}


def test_save_that_was_killed_does_not_count(tmp_path):
    model = make_model(ComiRec)
    Backup(tmp_path).save(model, progress_of(1))
    # TensorFlow names a checkpoint in `checkpoint` after its files are whole.
    (tmp_path / "ckpt-2.index").write_bytes(b"half")
    (tmp_path / "ckpt-2.data-00000-of-00001").write_bytes(b"")

    assert Backup(tmp_path).progress() == progress_of(1) | {"stages": {}}
    Backup(tmp_path).restore(make_model(ComiRec))
    Backup(tmp_path).save(model, progress_of(2))
    assert len(Backup(tmp_path).progress()["history"]) == 2


@pytest.mark.parametrize("size", [0, 100, 1000])
def test_damaged_backup_leaves_the_one_before(tmp_path, caplog, size):
    model = make_model(ComiRec)
    for num_epochs in (1, 2):
        Backup(tmp_path).save(model, progress_of(num_epochs))
    (data,) = tmp_path.glob("ckpt-2.data-*")
    data.write_bytes(data.read_bytes()[:size])

    backup, other = Backup(tmp_path), make_model(ComiRec)
    backup.restore(other)

    assert backup.progress() == progress_of(1) | {"stages": {}}
    assert_equal_weights(other.get_weights(), model.get_weights())
    assert "ckpt-2" in caplog.text
    backup.save(model, progress_of(2))
    assert len(Backup(tmp_path).progress()["history"]) == 2


def test_stage_weights_stay_as_long_as_a_backup_names_them(tmp_path):
    model, backup = make_model(ComiRec), Backup(tmp_path)
    kept = []
    for num_epochs in (1, 2, 3):
        backup.stage_weights.keep("pretraining", model.weights)
        backup.save(model, progress_of(num_epochs))
        kept.append({path.name for path in (tmp_path / "stages").iterdir()})

    assert [len(names) for names in kept] == [1, 2, 2]
    assert kept[2] - kept[1] == {backup.stage_weights.folders["pretraining"]}
