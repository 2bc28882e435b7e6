"""A wheel, built from an sdist and installed elsewhere, works."""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

CHECKOUT = pathlib.Path(__file__).parents[2]
BUILDERS = sorted(CHECKOUT.glob("datasets/*/*_dataset_builder.py"))
SHIPPED = CHECKOUT / "saved_models" / "amazon_beauty" / "1"
DATASETS = [path.parent for path in BUILDERS]
FOLDERS = (
    *("tfrs_timirec", "datasets", "tests"),
    *("benchmarks", "docs", "examples", "results"),
)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What a publisher builds: checkout -> sdist -> wheel."""
    source = tmp_path_factory.mktemp("source") / "project"
    source.mkdir()
    for item in CHECKOUT.iterdir():
        if item.is_file():
            shutil.copy(item, source)
    for folder in FOLDERS:
        shutil.copytree(
            CHECKOUT / folder,
            source / folder,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    models = source / "saved_models"
    shutil.copytree(SHIPPED, models / "amazon_beauty" / "1")
    shutil.copy(CHECKOUT / "saved_models" / "README.md", models)
    write(models / "mine" / "1" / "saved_model.pb")
    write(models / "amazon_beauty" / "2" / "saved_model.pb")
    output = tmp_path_factory.mktemp("dist")
    _run(
        [
            *(sys.executable, "-m", "build", "--no-isolation"),
            *("--outdir", str(output), str(source)),
        ],
        folder=output,
    )
    return output


@pytest.fixture(scope="module")
def wheel(dist: pathlib.Path) -> pathlib.Path:
    """The wheel."""
    (built,) = dist.glob("*.whl")
    return built


def write(path: pathlib.Path) -> None:
    """Writes some bytes, into new folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"stand-in")


@pytest.fixture(scope="module")
def names(wheel: pathlib.Path) -> set[str]:
    """The paths of the files inside the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: pathlib.Path) -> str:
    """The name of the folder that describes the wheel."""
    name, version, *_ = wheel.name.split("-")
    return f"{name}-{version}.dist-info"


@pytest.fixture(scope="module")
def site(
    wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """A folder, far from the checkout, with the wheel installed in it."""
    folder = tmp_path_factory.mktemp("site")
    _run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--no-index", "--target", str(folder), str(wheel)),
        ],
        folder=folder,
    )
    return folder


def _run(
    command: list[str], folder: pathlib.Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def test_there_are_data_sets_to_look_for():
    assert {path.name for path in DATASETS} >= {"household_tv"}


def test_sdist_holds_what_its_tests_and_links_need(dist):
    (built,) = dist.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}

    needed = {
        path.relative_to(CHECKOUT).as_posix()
        for folder in FOLDERS
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file()
        and path.name[0] != "."
        and "__pycache__" not in path.parts
    }
    assert needed - packed == set()
    assert {"Makefile", "CHANGELOG.md", "saved_models/README.md"} <= packed
    assert not [name for name in packed if "/mine/" in name]


def test_wheel_holds_every_module_and_nothing_else(names, metadata):
    modules = {
        path.relative_to(CHECKOUT).as_posix()
        for path in CHECKOUT.glob("tfrs_timirec/**/*.py")
    } | {
        f"tfrs_timirec/{path.relative_to(CHECKOUT).as_posix()}"
        for folder in DATASETS
        for path in folder.glob("*.py")
    }

    packed = {name for name in names if name.endswith(".py")}
    assert packed == modules
    assert {name.split("/")[0] for name in names} == {"tfrs_timirec", metadata}


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda path: path.name)
def test_wheel_describes_each_data_set(names, dataset):
    prefix = f"tfrs_timirec/datasets/{dataset.name}"

    for file in ("README.md", "CITATIONS.bib", "TAGS.txt"):
        assert f"{prefix}/{file}" in names
    assert (dataset / "checksums.tsv").exists() == (
        f"{prefix}/checksums.tsv" in names
    )


def test_wheel_holds_types_licence_and_command_but_no_test_data(
    names, metadata
):
    assert "tfrs_timirec/py.typed" in names
    assert f"{metadata}/licenses/LICENSE" in names
    assert f"{metadata}/entry_points.txt" in names
    assert not [name for name in names if "dummy_data" in name]
    assert not [name for name in names if "/test" in name]


def test_wheel_holds_the_shipped_model_and_no_other(names):
    shipped = "tfrs_timirec/saved_models/amazon_beauty/1/"

    models = {name for name in names if "saved_models/" in name}
    assert {name for name in models if not name.startswith(shipped)} == set()
    assert f"{shipped}saved_model.pb" in models
    assert f"{shipped}variables/variables.index" in models


LOAD_FROM_WHEEL = """
import importlib.metadata
import pathlib
import sys

site, data_dir = sys.argv[1:]
import tfrs_timirec
import tensorflow_datasets as tfds

assert pathlib.Path(tfrs_timirec.__file__).parent.parent == pathlib.Path(site)
assert importlib.metadata.version("tfrs-timirec") == tfrs_timirec.__version__

builder = tfds.builder("household_tv/tiny", data_dir=data_dir)
assert type(builder).__module__.startswith("tfrs_timirec.datasets.household_tv")
assert builder.info.description and builder.info.citation
builder.download_and_prepare()
splits = builder.info.splits
assert sum(split.num_examples for split in splits.values()) > 0
for name in splits:
    assert next(iter(builder.as_dataset(split=name))) is not None

model = tfrs_timirec.serving.find_shipped_model()
assert model == pathlib.Path(site, "tfrs_timirec/saved_models/amazon_beauty")

foreign = [
    name for name, module in sys.modules.items()
    if name.startswith("tfrs_timirec") and not module.__file__.startswith(site)
]
assert not foreign, foreign
"""


def test_wheel_loads_a_tfds_data_set_without_the_checkout(site, tmp_path):
    # The folder of the wheel comes first on the path, hence is what is imported
    # even where the checkout is installed in editable mode behind it: the
    # editable finder is asked last. The script asserts it module by module.
    _run(
        [sys.executable, "-c", LOAD_FROM_WHEEL, str(site), str(tmp_path)],
        folder=tmp_path,
        PYTHONPATH=str(site),
    )
