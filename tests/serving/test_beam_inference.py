"""Recommendations for all users by Apache Beam are those of one process."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.data.preparation_logs import make_frame
from tfrs_timirec.cli.main import main
from tfrs_timirec.data import Interactions
from tfrs_timirec.models import ComiRec
from tfrs_timirec.serving import BatchSettings, export, recommend_all

pytest.importorskip("apache_beam", reason="needs the extra [beam]")

from tfrs_timirec.data.preparation import prepare_sequences
from tfrs_timirec.serving.beam_inference import recommend_all_with_beam

LENGTH = 5


def make_model(log: Interactions) -> ComiRec:
    model = ComiRec(
        log.vocabulary_size,
        num_interests=2,
        embedding_dim=4,
        max_history_length=LENGTH,
    )
    model({"item_ids": tf.zeros((1, LENGTH), tf.int32)})
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("ids", ["text", "integers", "integers from -1 on"])
def test_equals_one_process(tmp_path, ids, capsys):
    frame = make_frame(300)
    if ids != "text":
        for name in ("user_id", "item_id"):
            frame[name] = frame[name].str[1:].astype(int)
    if ids == "integers from -1 on":
        frame["item_id"] -= 2  # Nothing can pad where -1 and 0 are items.
        assert {-1, 0} <= set(frame["item_id"])
    frame.to_parquet(tmp_path / "log.parquet")
    prepare_sequences([str(tmp_path / "*.parquet")], tmp_path / "prepared")
    log = Interactions.from_dataframe(frame)
    model = make_model(log)
    version = export(model, log, tmp_path / "model", max_history_length=LENGTH)
    settings = BatchSettings(k=25, max_history_length=LENGTH)
    recommend_all(model, log, tmp_path / "expected", settings)
    words = ["recommend-all", str(version), "--k=25", "--histories"]
    words += [str(tmp_path / "prepared"), "--output", str(tmp_path / "best")]

    assert main(words) == 0

    assert f"{log.num_users} users" in capsys.readouterr().out
    expected = pd.read_parquet(tmp_path / "expected")
    found = pd.read_parquet(tmp_path / "best").sort_values("user_id")
    assert found["user_id"].tolist() == expected["user_id"].tolist()
    # 30 items, some users have met more than 5 of them: shorter lists.
    assert expected["item_ids"].map(len).min() < 25
    for row, wanted in zip(
        found.itertuples(), expected.itertuples(), strict=True
    ):
        assert row.item_ids.tolist() == wanted.item_ids.tolist()
        np.testing.assert_allclose(row.scores, wanted.scores, atol=1e-5)


def test_longer_list_than_the_export_allows(tmp_path, capsys):
    frame = make_frame(50)
    frame.to_csv(tmp_path / "log.csv", index=False)
    prepare_sequences([str(tmp_path / "log.csv")], tmp_path / "prepared")
    log = Interactions.from_dataframe(frame)
    version = export(
        make_model(log), log, tmp_path / "model", max_history_length=LENGTH
    )
    words = ["recommend-all", str(version), "--k=3000", "--histories"]
    words += [str(tmp_path / "prepared"), "--output", str(tmp_path / "best")]

    assert main(words) == 2

    error = capsys.readouterr().err
    assert "The model refuses the request" in error
    assert "Traceback" not in error
    assert not (tmp_path / "best").exists()


def test_ids_of_another_type_and_missing_folders(tmp_path):
    frame = make_frame(50)
    frame.to_csv(tmp_path / "log.csv", index=False)
    prepared = tmp_path / "prepared"
    prepare_sequences([str(tmp_path / "log.csv")], prepared)
    log = Interactions.from_dataframe(frame)
    numbers = dataclasses.replace(log, items=np.arange(log.num_items))
    version = export(
        make_model(log),
        numbers,
        tmp_path / "model",
        max_history_length=LENGTH,
    )

    with pytest.raises(Exception, match="ids of the model's type, int64"):
        recommend_all_with_beam(version, prepared, tmp_path / "best")
    with pytest.raises(FileNotFoundError, match="`histories`.*features.json"):
        recommend_all_with_beam(version, tmp_path, tmp_path / "best")
    with pytest.raises(FileNotFoundError, match="`model_dir`"):
        recommend_all_with_beam(prepared, prepared, tmp_path / "best")
    with pytest.raises(FileExistsError, match="`output`"):
        recommend_all_with_beam(version, prepared, prepared)
