"""The examples of layers, losses and metrics print what they say."""

import doctest
import importlib
import pkgutil

import pytest

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
