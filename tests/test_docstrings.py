"""The examples of docstrings print what they say; their page is up to date."""

import doctest
import importlib
import pathlib
import pkgutil

import pytest

from tests.api_page import make_page
from tfrs_timirec import layers, losses, metrics, models

PACKAGES = (layers, losses, metrics)
MODULES = [
    f"{package.__name__}.{module.name}"
    for package in PACKAGES
    for module in pkgutil.iter_modules(package.__path__)
]
KNOWN = {
    name: getattr(package, name)
    for package in (*PACKAGES, models)
    for name in package.__all__
}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)

    results = doctest.testmod(
        module, extraglobs=KNOWN, optionflags=doctest.NORMALIZE_WHITESPACE
    )

    assert results.failed == 0


def test_page_of_public_names_is_that_of_the_docstrings():
    page = pathlib.Path(__file__).parents[1] / "docs/api.md"

    # After a change: python -m tests.api_page > docs/api.md
    assert page.read_text(encoding="utf-8") == make_page()
