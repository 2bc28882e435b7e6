"""Makes the page of public names: `python -m tests.api_page > docs/api.md`."""

import importlib
import inspect

PARTS = (
    *("data", "layers", "losses", "metrics", "models", "training"),
    *("evaluation", "experiments", "serving", "serving.index"),
    "serving.server",
)

_BEGINNING = """\
# Public names

The docstrings have shapes, defaults, errors and examples: `help(name)` in
Python, `name?` in a notebook.
"""


def public_objects(part: str) -> dict[str, object]:
    """The public classes and functions of a part, by name."""
    module = importlib.import_module(f"tfrs_timirec.{part}")
    objects = {name: getattr(module, name) for name in module.__all__}
    return {name: value for name, value in objects.items() if callable(value)}


def first_sentence(value: object) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())


def make_page() -> str:
    """The whole page, from the docstrings."""
    lines = [_BEGINNING]
    for part in PARTS:
        lines += [
            f"## `tfrs_timirec.{part}`\n",
            "| name | what it is |",
            "|---|---|",
        ]
        lines += [
            f"| `{name}` | {first_sentence(value)} |"
            for name, value in sorted(public_objects(part).items())
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(make_page(), end="")
