"""The TFDS data sets; importing this package registers them with TFDS.

In a checkout or an editable install the builders lie in the top-level folder
`datasets/`, in a wheel they lie beside this file.
"""

import importlib
import pathlib

_CHECKOUT = pathlib.Path(__file__).parents[2] / "datasets"
if any(_CHECKOUT.glob("*/*_dataset_builder.py")):
    __path__.append(str(_CHECKOUT))

__all__ = [
    "amazon_beauty",
    "household_tv",
    "interaction_log",
    "movielens_sequences",
]

for _name in __all__:
    importlib.import_module(f"{__name__}.{_name}.{_name}_dataset_builder")
