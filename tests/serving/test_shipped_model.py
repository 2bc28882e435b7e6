"""The model that `timirec serve` and `timirec recommend` take by default.

Where it is not there yet, a stand-in of the same making takes its place.
"""

import hashlib
import importlib
import pathlib
import re

import pytest

from tests.serving.toy_exports import LENGTH, make_films, make_model
from tfrs_timirec.cli.main import main
from tfrs_timirec.serving import (
    ExportedModel,
    export,
    find_shipped_model,
    find_version,
)
from tfrs_timirec.serving.exporting import TITLES_FILE

MAX_BYTES = 12_000_000
CHECKOUT = pathlib.Path(__file__).parents[2]
MODULE = importlib.import_module("tfrs_timirec.serving.shipped_model")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The folder of its versions."""
    with pytest.MonkeyPatch.context() as patch:
        if not (CHECKOUT / "saved_models" / "amazon_beauty").exists():
            place = tmp_path_factory.mktemp("saved_models")
            log = make_films()
            export(
                make_model(log),
                log,
                place / "amazon_beauty" / "1",
                max_history_length=LENGTH,
                storage="int8",
                titles=False,
            )
            patch.setattr(MODULE, "_PLACES", (place / "nowhere", place))
        yield find_shipped_model()


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
