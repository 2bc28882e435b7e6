"""The layout that the design promises, read from the source code alone."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "tfrs_timirec"
CODE_FOLDERS = ("tfrs_timirec", "datasets", "tests", "examples", "benchmarks")
MAX_LINES = 400

# What each part may import of the others; each may import itself.
KERAS_PARTS = ("layers", "losses", "metrics")
USES: dict[str, set[str]] = {
    "data": set(),
    "datasets": {"data"},  # Builders read with it; it finds them through TFDS.
    "layers": set(),
    "losses": set(),
    "metrics": set(),
    "models": {"layers", "losses", "metrics"},
}
USES["evaluation"] = USES["models"] | {"models", "data", "datasets"}
USES["training"] = USES["evaluation"] | {"evaluation"}
USES["serving"] = USES["training"] | {"training"}
USES["experiments"] = USES["serving"] | {"serving"}
USES["cli"] = USES["experiments"] | {"experiments"}

# What the public classes of these parts must show in their docstrings.
CLASS_PARTS = (*KERAS_PARTS, "models")

Definition = ast.ClassDef | ast.FunctionDef


def python_files(*folders: str) -> list[pathlib.Path]:
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py")
    )


def show(path: pathlib.Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: pathlib.Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def exported(part: str) -> dict[str, pathlib.Path]:
    """Public name -> the file that defines it, from the part's `__init__`."""
    names = {}
    for node in parse(PACKAGE / part / "__init__.py").body:
        if isinstance(node, ast.ImportFrom) and node.module:
            file = ROOT / (node.module.replace(".", "/") + ".py")
            names |= {alias.name: file for alias in node.names}
    return names


def find_definition(name: str, file: pathlib.Path) -> Definition | None:
    for node in parse(file).body:
        if isinstance(node, Definition) and node.name == name:
            return node
    return None


def public_definitions(*parts: str) -> list[tuple[str, Definition]]:
    """Each exported class and function of `parts`, with `part.name`."""
    return [
        (f"{part}.{name}", node)
        for part in parts
        for name, file in exported(part).items()
        if (node := find_definition(name, file))
    ]


def public_classes(*parts: str) -> list[tuple[str, ast.ClassDef]]:
    return [
        (label, node)
        for label, node in public_definitions(*parts)
        if isinstance(node, ast.ClassDef)
    ]


def sections(node: Definition) -> set[str]:
    """The headings of a Google-style docstring, without the colon."""
    text = ast.get_docstring(node) or ""
    return set(re.findall(r"^(\w[\w ]*):\s*$", text, re.MULTILINE))


def imported_parts(path: pathlib.Path) -> set[str]:
    """The public parts of the package that a file imports, wherever in it."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    parts = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) + 1 - node.level])
            base = base if node.level else []
            base += [node.module] if node.module else []
            modules = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        for module in modules:
            names = module.split(".")
            if names[0] == "tfrs_timirec" and len(names) > 1:
                parts.add(names[1])
    return {name for name in parts if name[0] != "_"}


@pytest.mark.parametrize("path", python_files(*CODE_FOLDERS), ids=show)
def test_file_is_short_and_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= MAX_LINES
    if path.name != "__init__.py" or text.strip():
        assert ast.get_docstring(ast.parse(text)), "no docstring at the top"


def test_every_part_is_known_to_the_import_rule():
    parts = {path.name for path in PACKAGE.iterdir() if path.is_dir()}

    assert parts - {"__pycache__"} == set(USES)


@pytest.mark.parametrize("path", python_files("tfrs_timirec"), ids=show)
def test_imports_point_one_way(path):
    part = path.relative_to(PACKAGE).parts[0]
    if part in USES:
        allowed = USES[part] | {part}
    else:  # The package's own __init__, or a private module that all may use.
        allowed = set(USES) if part == "__init__.py" else set()

    assert imported_parts(path) <= allowed


def test_data_set_builders_import_what_datasets_may():
    allowed = USES["datasets"] | {"datasets"}
    for path in python_files("datasets"):
        assert imported_parts(path) <= allowed, show(path)


def test_no_package_shadows_hugging_face_datasets():
    assert not (ROOT / "datasets" / "__init__.py").exists()


def test_no_file_is_named_after_nothing():
    names = {path.name for path in python_files(*CODE_FOLDERS)}

    assert not names & {"utils.py", "util.py", "helpers.py", "misc.py"}


@pytest.mark.parametrize("part", sorted(set(USES) - {"datasets"}))
def test_init_holds_imports_and_names_them_all(part):
    body = parse(PACKAGE / part / "__init__.py").body
    assert body, "no docstring"
    assert isinstance(body[0], ast.Expr), "the docstring comes first"
    listed: list[str] = []
    for node in body[1:]:
        if isinstance(node, ast.ImportFrom):
            continue
        assert isinstance(node, ast.Assign), ast.unparse(node)
        assert ast.unparse(node.targets[0]) == "__all__"
        listed = ast.literal_eval(node.value)

    # Ruff's RUF022 keeps the list sorted.
    assert set(listed) == set(exported(part))
    assert len(listed) == len(set(listed))
    for name, file in exported(part).items():
        assert file.exists(), f"{name} is imported from a package, not a module"


@pytest.mark.parametrize("part", CLASS_PARTS)
def test_every_class_of_a_part_is_public_or_private_on_purpose(part):
    defined = {
        node.name
        for path in (PACKAGE / part).rglob("*.py")
        for node in parse(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }

    assert defined, f"{part} has no class"
    assert defined <= set(exported(part)), "missing in __init__.py"


@pytest.mark.parametrize(
    ("label", "node"),
    public_definitions(*sorted(set(USES) - {"datasets"})),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_public_name_is_documented(label, node):
    if isinstance(node, ast.ClassDef):
        init = find_init(node)
        arguments = init.args if init else None
    else:
        arguments = node.args

    assert ast.get_docstring(node), f"{label} has no docstring"
    if arguments:
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        names = {argument.arg for argument in named} - {"self", "cls", "name"}
        text = ast.get_docstring(node) or ""
        missing = {
            name for name in names if not re.search(rf"^ +{name}:", text, re.M)
        }
        assert not missing, f"{label} does not say what these are"


def find_init(node: ast.ClassDef) -> ast.FunctionDef | None:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return item
    return None


@pytest.mark.parametrize(
    ("label", "node"),
    public_classes(*CLASS_PARTS),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_public_class_shows_an_example(label, node):
    assert "Example" in sections(node), f"{label} has no Example section"


@pytest.mark.parametrize(
    ("label", "node"),
    public_classes(*CLASS_PARTS),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_public_class_is_tested(label, node):
    part = label.split(".")[0]
    mentioned = re.compile(rf"\b{node.name}\b")

    assert any(
        mentioned.search(path.read_text(encoding="utf-8"))
        for path in python_files(f"tests/{part}")
    ), f"no test under tests/{part}/ mentions {node.name}"
