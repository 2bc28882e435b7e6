"""`timirec export` and `timirec recommend`, from a run to a list."""

import pytest

from tests.cli.test_main import QUICK, failure, write_log
from tfrs_timirec.cli.main import main


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """(run, export), the export in the version 4."""
    folder = tmp_path_factory.mktemp("export")
    log = write_log(folder / "log.csv")
    run, versions = folder / "run", folder / "model"
    words = ["train", "--interactions", str(log), "--model", "timirec"]
    assert main([*words, "--output", str(run), *QUICK]) == 0
    words = ["export", str(run), "--output", str(versions / "4")]
    assert main([*words, "--storage", "int8"]) == 0
    return run, versions


def test_model_card_holds_metrics_command_and_loss(folders):
    card = (folders[1] / "4" / "README.md").read_text(encoding="utf-8")

    assert "| hit_rate_at_10, in the whole catalogue | 1.0000 |" in card
    assert "`timirec train --interactions" in card
    assert "stored as int8" in card


def test_recommends_from_the_newest_version(folders, capsys):
    _, versions = folders
    words = ["recommend", str(versions), "--history", "i00", "i01", "no such"]

    assert main([*words, "--k", "20", "--explain"]) == 0

    captured = capsys.readouterr()
    assert "does not know no such" in captured.err
    assert str(versions / "4") in captured.out
    listed, explained = captured.out.split("The share of each item")
    for item in range(2, 10):
        assert f"i{item:02d}" in listed
    assert "i00" not in listed
    assert "i00" in explained
    assert "The next item is expected from interest 1" in explained
    assert main([*words[:-1], "--diversity", "0.5", "--k", "2"]) == 0


def test_mistakes_are_explained(folders, tmp_path, capsys):
    run, versions = folders
    ask = ["recommend", versions, "--history", "i00"]

    error = failure(capsys, "export", run, "--output", versions / "4")
    assert "`path` must be a new version" in error
    error = failure(capsys, "recommend", tmp_path, "--history", "i00")
    assert "saved_model.pb" in error
    assert "--k must be at least 1" in failure(capsys, *ask, "--k", 0)
    error = failure(capsys, *ask, "--diversity", "-1")
    assert "--diversity must be" in error
    error = failure(capsys, *ask, "--context", "weather", "rain")
    assert "reads besides the history: nothing" in error
    error = failure(
        capsys, "export", run, "--output", tmp_path, "--category", "genre"
    )
    assert "`category`" in error
    assert not list(tmp_path.iterdir())
