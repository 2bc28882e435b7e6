"""The notebook from training to answers runs, on the smallest world."""

import pathlib
import re

import nbclient
import nbformat
import pytest

PATH = pathlib.Path(__file__).parents[2] / "examples" / "export_and_query.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(PATH, as_version=4)


def test_notebook_runs(notebook, tmp_path):
    for cell in notebook.cells:
        cell.source = cell.source.replace(
            'name = "household_tv/small"', 'name = "household_tv/tiny"'
        ).replace("max_epochs=6", "max_epochs=2")

    nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()

    outputs = [
        output for cell in notebook.cells for output in cell.get("outputs", [])
    ]
    plain = " ".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for output in outputs
    )
    assert "# TiMiRec on household_tv/tiny" in plain
    assert "recommend_diverse" in plain
    assert "Nearest to interest 2:" in plain
    assert re.search(r"diversity +0 x .*\d genres", plain)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert (tmp_path / "saved_models/household_tv/1/README.md").exists()


def test_notebook_shows_what_it_answers(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]

    assert all(cell.execution_count for cell in code)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output.get("name") == "stderr" for output in outputs)


def test_notebook_names_no_machine(notebook):
    text = nbformat.writes(notebook)

    assert not re.search(r"/(home|root|work|tmp|Users|content)/", text)
