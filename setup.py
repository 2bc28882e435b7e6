"""Package definition: the library, its TFDS data sets and its command line."""

import pathlib

import setuptools

ROOT = pathlib.Path(__file__).parent

# Each TFDS data set lives in a folder of its own at the top level, as TFDS
# expects, and is installed as a subpackage of tfrs_timirec.datasets. There is
# no top-level package `datasets`: it would shadow Hugging Face's.
DATASETS = sorted(
    path.parent.name
    for path in ROOT.glob("datasets/*/*_dataset_builder.py")
)

EXTRAS = {
    "ann": ["scann==1.4.2", "tensorflow==2.20.*"],
    "beam": ["apache-beam>=2.60"],
    "notebook": ["ipykernel", "nbclient", "nbformat"],
    "serving": ["tensorflow-serving-api>=2.16"],
    "tune": ["optuna>=4"],
}
EXTRAS["test"] = [
    *EXTRAS["notebook"],
    "build",
    "dill",
    "mypy",
    "pandas-stubs",
    "pytest",
    "ruff",
]

setuptools.setup(
    name="tfrs-timirec",
    version="0.1.0",
    description=(
        "TiMiRec and multi-interest recommendation for TensorFlow"
        " Recommenders: train with model.fit, serve as a SavedModel."
    ),
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[
        *setuptools.find_packages(include=["tfrs_timirec", "tfrs_timirec.*"]),
        *(f"tfrs_timirec.datasets.{name}" for name in DATASETS),
    ],
    package_dir={
        f"tfrs_timirec.datasets.{name}": f"datasets/{name}"
        for name in DATASETS
    },
    package_data={
        "tfrs_timirec": ["py.typed"],
        "tfrs_timirec.datasets": ["*/*.md", "*/*.bib", "*/*.txt", "*/*.tsv"],
        **{
            f"tfrs_timirec.datasets.{name}": ["*.md", "*.bib", "*.txt", "*.tsv"]
            for name in DATASETS
        },
    },
    install_requires=[
        "tensorflow>=2.16",
        "tf-keras>=2.16",
        "tensorflow-recommenders>=0.7.7",
        "tensorflow-datasets>=4.9.10",
        "importlib_resources",  # Needed by TFDS, which does not declare it.
        "numpy",
        "pandas",
        "pyarrow",
        "scipy",
        "rich",
        "matplotlib",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["timirec = tfrs_timirec.cli.main:main"]},
)
