"""What README.md and the docs say can be followed: snippets and links."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "saved_models" / "README.md",
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("examples/*/README.md"),
]
# A newcomer waits for a minute or two, not for the paper's 200 epochs a stage.
MOST_EPOCHS = 10


def snippets(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def run(code, folder):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
    ).stdout


def test_readme_trains_at_once_and_saves(tmp_path):
    code = snippets("README.md")[0]
    epochs = int(re.search(r"max_epochs=(\d+)", code)[1])
    assert epochs <= MOST_EPOCHS
    code = code.replace("household_tv/small", "household_tv/tiny")
    code = code.replace(f"max_epochs={epochs}", "max_epochs=1")

    out = run(code, tmp_path)

    assert "Epoch 2/2" in out
    assert "hit_rate_at_10" in out
    assert (tmp_path / "model.keras").exists()


def test_predictor_of_ones_own_and_tables_of_chances(tmp_path):
    own, chances = snippets("docs/predictors.md")
    start = """
from tfrs_timirec.data import LeaveOneOut, load_dataset

interactions = load_dataset("household_tv/tiny")
split = LeaveOneOut(interactions)
"""
    chances = chances.replace("household_tv/small", "household_tv/tiny")

    train = "model.compile(); model.fit(batches, verbose=0)"
    out = run(f"{start}\n{own}\n{train}\n{chances}", tmp_path)

    divergences = [float(line.split()[-1]) for line in out.splitlines()]
    assert len(divergences) == 4
    assert all(0 <= divergence < 0.7 for divergence in divergences)


def anchors(path: pathlib.Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", line.lower()) for line in headings]
    return {line.replace(" ", "-") for line in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_readme_leads_to_every_page_of_the_docs():
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    for page in ROOT.glob("docs/*.md"):
        assert f"](docs/{page.name})" in text, page.name
