"""The export notebook runs as it stands, on the smallest world."""

import pathlib
import re

import nbclient
import nbformat
import pytest

PATH = pathlib.Path(__file__).parents[2] / "examples" / "export_and_query.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(PATH, as_version=4)


def test_notebook_runs(notebook):
    for cell in notebook.cells:
        cell.source = cell.source.replace(
            'name = "household_tv/small"', 'name = "household_tv/tiny"'
        ).replace("max_epochs=6", "max_epochs=1")

    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3"
    ).execute()

    outputs = [
        output for cell in notebook.cells for output in cell.get("outputs", [])
    ]
    plain = " ".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for output in outputs
    )
    assert "stored as int8. Recall@10" in plain
    assert "probabilities of the interests: [" in plain
    assert re.search(r"interest 2: The \w+ \w+, The", plain)


def test_notebook_names_no_machine(notebook):
    text = nbformat.writes(notebook)

    assert not re.search(r"/(home|root|work|tmp|Users|content)/", text)
