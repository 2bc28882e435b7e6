"""`timirec recommend-all` on a run folder."""

import pandas as pd
import pytest

from tests.cli.test_main import NUM_ITEMS, NUM_USERS, QUICK, failure, write_log
from tfrs_timirec.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recommend-all")
    log = write_log(folder / "log.csv")
    words = ["train", "--interactions", str(log), "--model", "comirec"]
    assert main([*words, "--output", str(folder / "run"), *QUICK]) == 0
    return folder / "run"


def test_writes_lists_and_goes_on(run, tmp_path, capsys):
    words = ["recommend-all", str(run), "--output", str(tmp_path / "best")]
    words += ["--k", "3", "--users-per-file", "4"]

    assert main(words) == 0

    assert f"{NUM_USERS} users in " in capsys.readouterr().out
    table = pd.read_parquet(tmp_path / "best")
    assert table["user_id"].tolist() == [f"u{n}" for n in range(NUM_USERS)]
    for user, items in zip(table["user_id"], table["item_ids"], strict=True):
        start = int(user[1:])  # Five items from there on were met.
        seen = {f"i{(start + n) % NUM_ITEMS:02d}" for n in range(5)}
        assert len(items) == 3
        assert not seen & set(items)

    next((tmp_path / "best").glob("part-00001*")).unlink()
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "4 of 6 users were done before." in out
    assert "2 users in " in out
    words[words.index("3")] = "5"
    assert "differs in k (3 there, 5 now)" in failure(capsys, *words)


def test_list_of_more_than_all_items_holds_all(run, tmp_path):
    words = ["recommend-all", str(run), "--output", str(tmp_path / "best")]
    assert main([*words, "--include-seen", "--k", "99999999999"]) == 0
    lists = pd.read_parquet(tmp_path / "best")["item_ids"]
    assert {len(items) for items in lists} == {NUM_ITEMS}


def test_damaged_settings_are_named(run, tmp_path, capsys):
    words = ["recommend-all", run, "--output", tmp_path]
    (tmp_path / "_settings.json").write_text("{")
    (tmp_path / "part-00000-of-00001.parquet").touch()
    assert "_settings.json must be a JSON file" in failure(capsys, *words)


def test_beam_is_given_places_as_they_were_written(monkeypatch):
    given = []
    monkeypatch.setattr(
        "tfrs_timirec.serving.beam_inference.recommend_all_with_beam",
        lambda *places, **_: given.extend(places) or 1,
    )
    places = ["gs://bucket/model/1", "gs://bucket/log", "gs://bucket/best"]
    source, histories, output = places
    words = [source, "--histories", histories, "--output", output]

    assert main(["recommend-all", *words]) == 0
    assert given == places


@pytest.mark.parametrize("version", ["", "3"])
def test_exported_model_needs_histories(tmp_path, capsys, version):
    model = tmp_path / "model"
    (model / "3").mkdir(parents=True)
    (model / "3" / "saved_model.pb").touch()
    words = ["recommend-all", model / version, "--output", tmp_path / "best"]

    error = failure(capsys, *words)

    assert f"'{model / version}', an exported model. Add `--histories" in error
    assert "'timirec data prepare'" in error
    words[1] = tmp_path
    assert "must be a run folder, which holds" in failure(capsys, *words)


def test_arguments_that_do_not_fit(run, tmp_path, capsys):
    words = ["recommend-all", run, "--output", tmp_path / "best"]

    assert "`--histories`" in failure(capsys, *words, "--beam", "--runner=X")
    error = failure(capsys, *words, "--users-per-file", 0)
    assert "--users-per-file must be at least 1. Received: 0" in error
    assert not (tmp_path / "best").exists()
    error = failure(capsys, *words, "--histories", tmp_path, "--include-seen")
    assert "run folder" in error
    error = failure(capsys, *words, "--histories", tmp_path)
    assert "saved_model.pb" in error
