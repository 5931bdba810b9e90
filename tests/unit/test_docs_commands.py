"""The commands that README.md and the guide print are seen by the script that runs them; the exit codes are right."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from mctl.exit_codes import MEANINGS

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "docs_commands.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("docs_commands", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["docs_commands"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("README.md", ["mctl quickstart", "mctl init", "mctl run", "mctl compress --teacher", "mctl validate"]),
        ("docs/guide.md", ["mctl finetune", "mctl compress", "torchrun", "mctl predict", "python: "]),
    ],
)
def test_every_command_that_a_document_prints_is_in_a_block_that_is_run(
    script: ModuleType, name: str, some: list[str]
) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    found = [command.text for command in script.commands(text)]
    for word in some:
        assert any(word in command for command in found), word
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^    (?:\$ )?(?:mctl|accelerate|torchrun) .*", outside, re.MULTILINE)
    assert indented == []


def test_the_codes_that_a_comment_names(script: ModuleType) -> None:
    text = "```bash\nmctl run  # the chain\nmctl validate  # by the verdict: exit 0, 1 or 3\nmctl x  # exit 2\n```\n"
    assert [command.codes for command in script.commands(text)] == [(0,), (0, 1, 3), (2,)]


def test_a_document_without_commands_is_refused(tmp_path: Path) -> None:
    document = tmp_path / "none.md"
    document.write_text("# None\n\n    mctl run\n", encoding="utf-8")
    ran = subprocess.run([sys.executable, SCRIPT, document], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 2
    assert "none.md has no block" in ran.stderr


@pytest.mark.parametrize("name", ["README.md", "docs/guide.md"])
def test_the_exit_codes_of_a_document_are_those_of_the_commands(name: str) -> None:
    table = (ROOT / name).read_text(encoding="utf-8").partition("| exit code | means |\n|---|---|\n")[2]
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", table.partition("\n\n")[0], re.MULTILINE))
    assert rows == {str(int(code)): meaning for code, meaning in MEANINGS.items()}
