"""Package definition: the library, its TFDS data sets and its command line."""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).parent

VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (ROOT / "tfrs_timirec" / "__init__.py").read_text(encoding="utf-8"),
    re.MULTILINE,
)[1]

# Each TFDS data set lives in a folder of its own at the top level, as TFDS
# expects, and is installed as a subpackage of tfrs_timirec.datasets. There is
# no top-level package `datasets`: it would shadow Hugging Face's.
DATASETS = {
    f"tfrs_timirec.datasets.{path.parent.name}": f"datasets/{path.parent.name}"
    for path in sorted(ROOT.glob("datasets/*/*_dataset_builder.py"))
}

# `find_shipped_model` finds the shipped one in a checkout and in a wheel.
MODELS = {"tfrs_timirec.saved_models": "saved_models"}

EXTRAS = {
    # ScaNN's wheel is built for one minor version of TensorFlow.
    "ann": ["scann==1.4.2", "tensorflow==2.20.*"],
    "beam": ["apache-beam>=2.60"],
    "notebook": ["ipykernel", "nbclient", "nbformat"],
    "serving": [
        # Older ones keep connections that ask nothing.
        "aiohttp>=3.14.4",
        "grpcio-health-checking>=1.60",
        "prometheus-client>=0.20",
        "tensorflow-serving-api>=2.16",
    ],
    "tune": ["optuna>=4"],
}
EXTRAS["test"] = [
    *(requirement for extra in EXTRAS.values() for requirement in extra),
    "build",
    "check-jsonschema",  # Has the schema of Compose files.
    "dill",  # Needed by tfds.testing, which does not declare it.
    "hypothesis",
    "kubernetes-validate",
    "mypy",
    "pandas-stubs",
    "pytest",
    "pytest-xdist",
    "ruff",
]

setuptools.setup(
    name="tfrs-timirec",
    version=VERSION,
    description=(
        "TiMiRec and multi-interest recommendation for TensorFlow"
        " Recommenders: train with model.fit, serve as a SavedModel."
    ),
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=[
        *setuptools.find_packages(include=["tfrs_timirec", "tfrs_timirec.*"]),
        *DATASETS,
        *MODELS,
    ],
    package_dir=DATASETS | MODELS,
    package_data={
        "tfrs_timirec": ["py.typed"],
        **{name: ["*.md", "*.bib", "*.txt", "*.tsv"] for name in DATASETS},
        **dict.fromkeys(MODELS, ["amazon_beauty/1/**/*"]),
    },
    install_requires=[
        "tensorflow>=2.16",
        # Of TensorFlow's minor version: tf-keras requires that itself, and
        # tfrs_timirec checks it on import.
        "tf-keras>=2.16",
        "tensorflow-recommenders>=0.7.7",
        "tensorflow-datasets>=4.9.10",
        "importlib_resources",  # Needed by TFDS, which does not declare it.
        "numpy",
        "pandas>=2.2",  # 2.1 refuses its own Int64 as times.
        "pyarrow",
        "scipy",
        "rich",
        "matplotlib",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["timirec = tfrs_timirec.cli.main:main"]},
)
