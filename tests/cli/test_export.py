"""`timirec export` and `timirec recommend`, from a run to a list."""

import os
import shutil
import subprocess

import pytest

from tests.cli.test_kill import TIMIREC
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


def test_titles_come_from_a_file(folders, tmp_path, capsys):
    run, _ = folders
    items = tmp_path / "items.csv"
    items.write_text(
        "id; Title;genre\n"
        + "".join(f'i{n:02d};"NA; part {n}";g{n % 2}\n' for n in range(1, 30))
    )
    words = ["export", str(run), "--output", str(tmp_path / "model")]

    assert main([*words, "--items", str(items), "--category", "genre"]) == 0

    assert "1 of 10 items have no row" in capsys.readouterr().out
    ask = ["recommend", str(tmp_path / "model"), "--history", "i01", "--k=20"]
    assert main(ask) == 0
    assert "NA; part 7" in capsys.readouterr().out
    assert main([*ask, "--diversity", "1"]) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,title\nx1,one\n", "the raw ids of the log's items"),
        ("id,title\ni01,one\ni01,two\n", "one row an id"),
        ("id,name\ni01,one\n", "a column `title`"),
        ("", "with 0 bytes"),
        ("id,title\ni01,Good, Bad\n", "with 3 instead of 2"),
        ("id,title\ni01,Good,\n", "with 3 instead of 2"),
    ],
)
def test_files_that_are_no_table_of_the_items(
    folders, tmp_path, capsys, text, message
):
    items = tmp_path / "items.csv"
    items.write_text(text)
    words = ["export", str(folders[0]), "--output", str(tmp_path / "model")]

    assert message in failure(capsys, *words, "--items", items)
    assert not (tmp_path / "model").exists()


def test_runs_and_exports_have_folders_of_their_own(folders, tmp_path, capsys):
    run, versions = folders
    log = write_log(tmp_path / "log.csv")
    train = ["train", "--interactions", log, "--model", "comirec"]

    error = failure(capsys, *train, "--output", versions)
    assert "must not hold exported models" in error
    error = failure(capsys, "export", run, "--output", run)
    assert "must not be a run folder" in error
    assert not (run / "1").exists()


def test_ids_and_titles_are_printed_as_they_are(tmp_path, capsys):
    log = write_log(tmp_path / "log.csv")
    text = log.read_text().replace(",i0", ",[/b] i:star:0")
    log.write_text(text)
    run, versions = tmp_path / "run", tmp_path / "model"
    words = ["train", "--interactions", str(log), "--model", "comirec"]
    assert main([*words, "--output", str(run), *QUICK]) == 0
    assert main(["export", str(run), "--output", str(versions)]) == 0
    assert "--history '[/b] i:star:00'" in capsys.readouterr().out

    ask = ["recommend", str(versions), "--history", "[/b] i:star:00"]
    # A list of any length is one of all items.
    assert main([*ask, "--k", "99999999999"]) == 2
    assert "1000" in capsys.readouterr().err
    assert main([*ask, "--k", "20"]) == 0
    listed = capsys.readouterr().out
    for item in range(1, 10):
        assert f"[/b] i:star:0{item}" in listed


def test_ids_that_look_like_options(tmp_path, capsys):
    log = write_log(tmp_path / "log.csv")
    log.write_text(log.read_text().replace(",i0", ",-i0"))
    run, versions = tmp_path / "run", tmp_path / "model"
    words = ["train", "--interactions", str(log), "--model", "comirec"]
    assert main([*words, "--output", str(run), *QUICK]) == 0
    capsys.readouterr()
    assert main(["export", str(run), "--output", str(versions)]) == 0
    question = capsys.readouterr().out.splitlines()[-1]
    assert question.endswith(f"timirec recommend {versions}/1 --history=-i00")

    words = question.split()[question.split().index("recommend") :]
    assert main([*words, "--history=-i01", "--k", "20"]) == 0

    captured = capsys.readouterr()
    assert captured.out.startswith("After 2 items")
    assert not captured.err
    assert "-i02" in captured.out
    assert "-i01" not in captured.out


def test_model_behind_the_history_is_not_an_item(folders, capsys):
    _, versions = folders

    error = failure(capsys, "recommend", "--history", "i00", versions)

    assert "MODEL must come before --history" in error
    assert f"timirec recommend {versions} --history" in error


def test_history_of_which_nothing_is_known(folders, capsys):
    _, versions = folders

    assert main(["recommend", str(versions), "--history", "x", "y"]) == 0

    error = capsys.readouterr().err
    assert error.startswith("WARNING: the model knows no item")
    assert "history: x, y. What" in error


def test_damaged_export_is_one_line(folders, tmp_path, capsys):
    copy = shutil.copytree(folders[1] / "4", tmp_path / "4")
    (data,) = copy.glob("variables/variables.data*")
    data.write_bytes(data.read_bytes()[:100])

    error = failure(capsys, "recommend", copy, "--history", "i00")

    assert "which is damaged" in error
    data.unlink()
    assert "is damaged" in failure(capsys, "recommend", copy, "--history", "i0")


def test_context_that_nobody_must_give_is_not_asked_for(tmp_path, capsys):
    run = tmp_path / "run"
    words = ["train", "--dataset", "household_tv/tiny", "--model", "timirec"]
    words += ["--predictor", "deepfm", *QUICK, "--context-features"]
    words += ["request_timestamp,item_genres", "--output", str(run)]
    assert main(words) == 0
    versions = str(tmp_path / "model")
    assert main(["export", str(run), "--output", versions]) == 0
    assert "--context " not in capsys.readouterr().out

    assert main(["recommend", versions, "--history", "tv-000012"]) == 0


def test_tensorflow_says_nothing_of_the_machine():
    command = [TIMIREC, "recommend", "--history", "B0000632EN"]  # Shipped.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "TF_CPP_MIN_LOG_LEVEL"
    }

    result = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    )

    assert result.stdout.startswith("After 1 items")
    assert not result.stderr


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
    assert "between 0 and" in failure(capsys, *ask, "--k", 10_000)
    error = failure(capsys, *ask, "--context", "weather", "rain")
    assert "reads besides the history: nothing" in error
    error = failure(
        capsys, "export", run, "--output", tmp_path, "--category", "genre"
    )
    assert "`category`" in error
    assert not list(tmp_path.iterdir())
