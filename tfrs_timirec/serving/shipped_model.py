"""The exported model that comes with the package."""

from __future__ import annotations

import pathlib

from tfrs_timirec.serving.publishing import find_version

_PACKAGE = pathlib.Path(__file__).parents[1]
_NAME = "amazon_beauty"
# In an installed package, and in a checkout or an editable install.
_PLACES = (_PACKAGE / "saved_models", _PACKAGE.parent / "saved_models")


def find_shipped_model() -> pathlib.Path:
    """Returns the folder of the versions of the shipped model.

    It is a TiMiRec+ for Amazon Beauty; its model card is the README.md of the
    version.

    Raises:
        FileNotFoundError: if it is not there, as in a checkout without it.

    Example:
    >>> ExportedModel(find_shipped_model()).recommend(["B0000632EN"], k=3)
    """
    for place in _PLACES:
        folder = place / _NAME
        try:
            find_version(folder)
        except FileNotFoundError:
            continue
        return folder
    raise FileNotFoundError(
        "This installation has no shipped model. Looked for: "
        f"{' and '.join(str(place / _NAME) for place in _PLACES)}. Name an"
        " exported model; 'timirec demo' makes one in saved_models/household_tv"
        " within minutes, 'timirec export RUN --output FOLDER' one of your own."
    )
