"""The model that `timirec serve` and `timirec recommend` take by default."""

import hashlib
import importlib
import re

import pytest

from tfrs_timirec.cli.main import main
from tfrs_timirec.serving import (
    ExportedModel,
    find_shipped_model,
    find_version,
)
from tfrs_timirec.serving.exporting import TITLES_FILE

MAX_BYTES = 12_000_000
MODULE = importlib.import_module("tfrs_timirec.serving.shipped_model")


@pytest.fixture(scope="module")
def shipped():
    """The folder of its versions."""
    return find_shipped_model()


def test_it_is_small_and_without_titles(shipped):
    files = [path for path in shipped.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < MAX_BYTES
    # They are the publisher's, and not ours to give away.
    assert not (find_version(shipped) / TITLES_FILE).exists()


def test_its_card_names_every_file(shipped):
    folder = find_version(shipped)
    card = (folder / "README.md").read_text(encoding="utf-8")

    listed = dict(
        re.findall(r"^\| (\S+) \| [\d,]+ \| `(\w{64})` \|", card, re.M)
    )
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert "saved_model.pb" in found
    assert listed == found


def test_it_is_asked_by_default(shipped, capsys):
    assert main(["recommend", "--history", "film 05 é", "--k", "3"]) == 0

    out = capsys.readouterr().out
    assert str(find_version(shipped)) in out
    model = ExportedModel(shipped)
    for item in model.recommend(["film 05 é"], k=3)["item_id"]:
        assert item in out


@pytest.mark.parametrize("words", ["serve", "recommend --history B1"])
def test_an_installation_without_it_says_so(
    words, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(
        MODULE, "_PLACES", (tmp_path, tmp_path / "saved_models")
    )

    assert main(words.split()) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: This installation has no shipped model.")
    assert "timirec demo" in line
