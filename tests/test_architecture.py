"""The rules of docs/architecture.md, read off the source: who may import whom, and what no file may do."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# Part by part, the other parts of mctl that it may import. The table has no cycle, so the source has none.
_BASE = {"errors", "progress", "processes", "ownership", "artifact", "recipe", "data"}
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "exit_codes": set(),
    "progress": set(),
    "processes": {"errors", "exit_codes"},
    "exporters": set(),
    "validators": set(),
    "facts": set(),
    "ownership": {"errors"},
    "path_kind": set(),
    "artifact": {"errors", "facts", "ownership", "path_kind"},
    "output_file": {"errors", "artifact"},
    "data": {"errors"},
    "recipe_paths": {"errors", "data"},
    "recipe": {"errors", "data", "recipe_paths"},
    "recipe_file": {"recipe", "recipe_paths"},
    "samples": {"errors"},
    "compression": _BASE,
    "report": _BASE,
    "__init__": {"compression", "pipeline"},  # `import mctl` registers the compact classes, and has `mctl.load`.
    "pipeline": {
        *_BASE,
        "path_kind",
        "recipe_file",
        "recipe_paths",
        "samples",
        "compression",
        "exporters",
        "validators",
        "report",
    },
    "cli": {*_BASE, "__init__", "exit_codes", "output_file", "recipe_file", "recipe_paths", "report", "pipeline"},
    "__main__": {"cli"},
}
# Modules, by prefix, that alone may import a library.
ALONE = {
    "nn_pruning": ("mctl.compression.movement",),
    "rich": ("mctl.cli", "mctl.report"),
    "typer": ("mctl.cli",),
    "codecarbon": ("mctl.validators",),
    "onnx": ("mctl.exporters", "mctl.validators"),
    "onnx_ir": ("mctl.exporters",),
    "optimum": ("mctl.exporters",),
    "onnxscript": ("mctl.exporters",),
    "accelerate": ("mctl.processes",),
}
# What travels in an artifact, and all that it may import there.
TRAVELLING = {"mctl.compression.modeling_compact"}
# Where a distribution is not called what one imports.
IMPORTED_AS = {
    "fonttools": "fontTools",
    "scikit-learn": "sklearn",
    "protobuf": "google",
    "onnxruntime-gpu": "onnxruntime",
    "onnx-ir": "onnx_ir",
    "optimum-onnx": "optimum",
}
# transformers and datasets require it, and each major of theirs its own: bounds of ours could only contradict them.
LEFT_TO_OTHERS = {"huggingface_hub"}
# Extras that the product imports when it is asked to, and only then.
ON_REQUEST = {"optimum"}
UNSAFE_LIBRARIES = {"pickle", "dill", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {"eval", "exec", "compile", "torch.load", "print"}


def modules() -> dict[str, str]:
    """Source by dotted name, as installed: the folders at the root are `mctl.exporters` and `mctl.validators`."""
    found = {}
    for folder, package in (("mctl", "mctl"), ("exporters", "mctl.exporters"), ("validators", "mctl.validators")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join((package, *parts))] = path.read_text(encoding="utf-8")
    return found


MODULES = modules()


def imported(name: str, tree: ast.AST) -> Iterator[str]:
    """Dotted names of all imports of a module, those inside functions and for type checkers alone included."""
    package = name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*start, *(node.module.split(".") if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def part_of(dotted: str) -> str:
    """The part of mctl that a dotted name belongs to; names of `mctl` itself (its version) are its `__init__`'s."""
    second = dotted.split(".")[1] if "." in dotted else "__init__"
    return second if second in ARROWS else "__init__"


def called(tree: ast.AST) -> Iterator[str]:
    """What is called, where that is a name or a name of a module: "print", "torch.load"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def violations(name: str, source: str) -> list[str]:
    """What a module does against the rules, one sentence each."""
    tree = ast.parse(source)
    part = part_of(name)
    found = [f"{name} calls {call}" for call in called(tree) if call in UNSAFE_CALLS]
    for target in imported(name, tree):
        library = target.split(".")[0]
        if library == "mctl" and part_of(target) not in {part, *ARROWS[part]}:
            found.append(f"{name} imports {target}: no arrow from {part} to {part_of(target)}")
        if library in UNSAFE_LIBRARIES or not name.startswith(ALONE.get(library, "mctl")):
            found.append(f"{name} may not import {library}")
        if name in TRAVELLING and not _may_travel(target):
            found.append(f"{name} travels in artifacts and imports {target}")
    return found


def _may_travel(target: str) -> bool:
    return target.split(".")[0] in {"torch", "transformers", "__future__", "collections", "typing"}


@pytest.mark.parametrize("name", MODULES)
def test_module_keeps_the_rules(name: str) -> None:
    assert violations(name, MODULES[name]) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("mctl.exporters.graph", "from mctl.errors import UserError"),
        ("mctl.exporters.graph", "from ..validators.parity import compare_logits"),
        ("mctl.validators.gate.check", "from mctl.exporters import export_fp32"),
        ("mctl.validators.gate.check", "def f():\n    import mctl.recipe"),
        ("mctl.report.terminal", "from mctl.pipeline.measure import Measured"),
        ("mctl.report.terminal", "from mctl.cli import options"),
        ("mctl.report.terminal", "from mctl import compression"),
        ("mctl.compression.trainer", "from mctl.pipeline.stage import finished"),
        ("mctl.compression.trainer", "from mctl.report.console import open_console"),
        ("mctl.compression.trainer", "import mctl.cli.app"),
        ("mctl.pipeline.run", "from mctl.cli.options import report"),
        ("mctl.cli.compress", "from mctl.compression.movement import attach_masks"),
        ("mctl.cli.validate", "from mctl.validators import decide"),
        ("mctl.data.clean", "from mctl.recipe import Recipe"),
        ("mctl.artifact", "from mctl.recipe import Recipe"),
        ("mctl.errors", "import mctl"),
        ("mctl.compression.strip", "from nn_pruning.modules import masked_nn"),
        ("mctl.pipeline.run", "from rich.console import Console"),
        ("mctl.pipeline.run", "import typer"),
        ("mctl.pipeline.export", "import onnx"),
        ("mctl.pipeline.measure", "from codecarbon import EmissionsTracker"),
        ("mctl.compression.modeling_compact", "import numpy"),
        ("mctl.compression.modeling_compact", "from mctl.errors import UserError"),
        ("mctl.compression.modeling_compact", "from .families import Family"),
        ("mctl.data.read", "import pickle"),
        ("mctl.pipeline.loading", "weights = torch.load(path)"),
        ("mctl.data.read", "rows = eval(line)"),
        ("mctl.report.console", "print('done')"),
    ],
)
def test_a_broken_rule_is_noticed(name: str, source: str) -> None:
    assert name in MODULES, "the module is gone: give the example another one"
    assert violations(name, source) != []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("mctl.exporters.graph", "from .files import write_model"),
        ("mctl.compression.movement", "from nn_pruning.modules import binarizer"),
        ("mctl.compression.modeling_compact", "from transformers import BertConfig"),
        ("mctl.report.terminal", "from rich.console import Console\nConsole().print('done')"),
        ("mctl.cli.app", "from mctl import __version__"),
        ("mctl.pipeline.export", "from mctl.exporters.graph import export_fp32\nimport onnxruntime"),
    ],
)
def test_what_is_allowed_is_let_through(name: str, source: str) -> None:
    assert violations(name, source) == []


def test_arrows_have_no_cycle_and_cover_every_part() -> None:
    assert {part_of(name) for name in MODULES} == set(ARROWS)
    left = dict(ARROWS)
    while lowest := {part for part, targets in left.items() if not targets & left.keys()}:
        left = {part: targets for part, targets in left.items() if part not in lowest}
    assert not left, f"these import each other: {sorted(left)}"


def test_every_package_is_installed() -> None:
    setuptools = PYPROJECT["tool"]["setuptools"]
    with_code = {name.rpartition(".")[0] for name in MODULES}
    assert with_code == set(setuptools["packages"])
    for package in with_code:
        assert f"{package}.__init__" in MODULES, f"{package} has no __init__.py"
    folders = setuptools["package-dir"]
    assert {name: folders[name] for name in ("mctl.exporters", "mctl.validators")} == {
        "mctl.exporters": "exporters",
        "mctl.validators": "validators",
    }


def requirements() -> list[tuple[str, str]]:
    """Names and bounds of all dependencies: ("torch", ">=2.9,<2.14"). An extra may narrow what is required already."""
    project = PYPROJECT["project"]
    extras = (line for lines in project["optional-dependencies"].values() for line in lines)
    found = (re.match(r"([\w-]+)([^;]*)", line) for line in [*project["dependencies"], *extras])
    return [(match[1], match[2].strip()) for match in found if match]


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    names = (target for name, source in MODULES.items() for target in imported(name, ast.parse(source)))
    libraries = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"mctl"}
    runtime = {re.split(r"[^\w-]", line)[0] for line in PYPROJECT["project"]["dependencies"]}
    assert PYPROJECT["project"]["optional-dependencies"].keys() >= ON_REQUEST
    declared = {IMPORTED_AS.get(name, name) for name in runtime} | ON_REQUEST
    assert libraries - LEFT_TO_OTHERS == declared - LEFT_TO_OTHERS


def test_the_page_on_dependencies_names_each_with_its_bounds() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").replace(" ", "")
    alone = {"onnxruntime-gpu": "onnxruntime-gpu,oronnxruntime,>=1.24", "onnxruntime": "onnxruntime,>=1.24"}
    missing = [name + bounds for name, bounds in requirements() if alone.get(name, name + bounds) not in page]
    assert missing == []
