"""Temporary files do not outlive the tests that they are of."""

import os
import pathlib
import shutil
import subprocess
import sys

CONFTEST = pathlib.Path(__file__).with_name("conftest.py")
LEAVES_FILES = """
import subprocess, sys, tempfile

CODE = "import tempfile; tempfile.mkdtemp()"

def test_here_and_in_another_process(tmp_path):
    tempfile.mkdtemp()
    subprocess.run([sys.executable, "-c", CODE], check=True)
"""


def test_temporary_files_are_gone_but_for_those_of_pytest(tmp_path):
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_leaves.py").write_text(LEAVES_FILES)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST")
    }

    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--numprocesses=1", str(tmp_path)],
        cwd=tmp_path,
        env=environment | {"TMPDIR": str(temporary), "LOGNAME": "somebody"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    left = [path.name for path in temporary.iterdir()]
    assert left == ["pytest-of-somebody"]
