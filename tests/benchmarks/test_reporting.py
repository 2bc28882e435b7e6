"""What benchmarks print and write."""

import argparse
import importlib.util
import json
import pathlib

import pytest
import rich.console

import tfrs_timirec

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def reporting():
    path = BENCHMARKS / "reporting.py"
    spec = importlib.util.spec_from_file_location("reporting", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def report(reporting, tmp_path):
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int)
    reporting.add_json_argument(parser)
    path = tmp_path / "results" / "speed.json"
    args = parser.parse_args(["--size", "7", "--json", str(path)])
    report = reporting.Report("some_speed", args)
    report.add(step="read", rows_per_second=1_234_567.8, rows=2000)
    report.add(step="sort", rows_per_second=0.12345, note="slow")
    return report


def test_json_holds_rows_and_circumstances(report, capsys):
    report.finish()

    content = json.loads(report.path.read_text())
    assert content["benchmark"] == "some_speed"
    assert content["settings"] == {"size": 7}
    assert content["rows"] == report.rows
    assert content["machine"]["cores"] >= 1
    assert content["machine"]["memory_gib"] > 0
    assert content["libraries"]["tfrs-timirec"] == tfrs_timirec.__version__
    assert "commit" in content
    assert [path.name for path in report.path.parent.iterdir()] == [
        "speed.json"
    ]
    assert "some speed" in capsys.readouterr().out


def test_table_has_a_column_for_each_name(report, capsys):
    report.print(rich.console.Console(width=120))

    out = capsys.readouterr().out
    for text in ("rows per second", "1,234,568", "0.123", "2,000", "slow"):
        assert text in out
    assert not report.path.exists()


def test_what_all_rows_share_stands_below_the_table(reporting, capsys):
    report = reporting.Report("speed", argparse.Namespace())
    report.add(model="timirec", peer="another package", seconds=2.0)
    report.add(model="comirec", peer="another package", seconds=1.0)

    report.print(rich.console.Console(width=80))

    table, below = capsys.readouterr().out.split("comirec")
    assert "peer" not in table
    assert "seconds" in table
    assert "peer: another package\n" in below


def test_narrow_table_cuts_nothing_off(report, capsys):
    report.add(step="pretraining", rows_per_second=1.0, note="a-longer-word")

    report.print(rich.console.Console(width=40))

    assert "…" not in capsys.readouterr().out


def test_peak_memory_is_that_of_a_process(reporting):
    # An interpreter with TensorFlow: more than 100 MiB, less than 100 GiB.
    assert 0.1 < reporting.peak_memory_gib() < 100
