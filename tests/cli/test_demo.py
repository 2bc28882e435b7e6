"""`timirec demo` on the smallest world, shortened to two epochs a stage."""

import json

import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tfrs_timirec.cli import demo
from tfrs_timirec.cli.main import main
from tfrs_timirec.experiments import TrainingSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def output(folder, monkeypatch, capsys) -> str:
    """What the demo prints; the second time it has nothing to train."""

    def quick(model: str, dataset: str) -> TrainingSettings:
        assert (model, dataset) == ("timirec", "household_tv/small")
        return TrainingSettings(
            model=model,
            num_interests=2,
            embedding_dim=8,
            num_evaluation_negatives=50,
            max_epochs=2,
        )

    monkeypatch.setattr(demo, "preset", quick)
    words = ["demo", "--dataset", "household_tv/tiny"]
    words += ["--output", str(folder / "run"), "--export", str(folder / "out")]
    assert main(words) == 0
    return capsys.readouterr().out


def test_demo_trains_compares_draws_exports_and_recommends(folder, output):
    for word in ("greedy ComiRec", "TiMiRec", "planted truth", "uniform"):
        assert word in output
    for name in ("training", "case_study"):
        path = folder / "run" / "figures" / f"{name}.png"
        assert path.read_bytes().startswith(b"\x89PNG")
    record = json.loads((folder / "run" / "settings.json").read_text())
    assert record["settings"]["max_epochs"] == 2
    assert (folder / "out" / "1" / "README.md").exists()
    assert "  1. The " in output  # A title, from the loaded export.
    assert "Really watched next: The " in output


def test_demo_can_be_run_again(folder, output):
    versions = sorted(path.name for path in (folder / "out").iterdir())

    assert versions == ["1", "2"]
    loaded = tf.saved_model.load(str(folder / "out" / "2"))
    answer = loaded.recommend(tf.constant([["tv-000001"]]), tf.constant(4))
    assert answer["item_ids"].shape == (1, 4)
