"""Help, doctor, and what a terminal is spared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import mctl

from mctl.cli.app import COMMANDS

IMPORTED = """
import sys
from mctl.cli import main
for arguments in {arguments!r}:
    sys.argv = ["mctl", *arguments]
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, arguments
print("imported:", *sorted(name for name in sys.modules if "." not in name))
"""
HEAVY = {
    *("torch", "transformers", "numpy", "scipy", "pandas", "pyarrow", "datasets", "sklearn", "matplotlib"),
    *("onnx", "onnxruntime", "nn_pruning", "accelerate", "codecarbon", "huggingface_hub", "safetensors"),
    *("pydantic", "jinja2"),
}


def imported_by(*commands: list[str]) -> set[str]:
    """Top-level modules that a process has imported after these commands."""
    code = IMPORTED.format(arguments=commands)
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(ran.stdout.splitlines()[-1].split()[1:])


def test_help_imports_nothing_heavy() -> None:
    imported = imported_by(["--help"], ["--version"])
    assert "typer" in imported, "the check sees imports"
    assert not imported & (HEAVY | {"rich"})


def test_help_of_commands_imports_nothing_heavy() -> None:
    # Some versions of typer read options with pydantic.
    assert not imported_by(*([name, "--help"] for name in COMMANDS)) & (HEAVY - {"pydantic"})


def test_top_level_help_lists_every_command(tmp_path: Path) -> None:
    ran = mctl("--help", cwd=tmp_path)
    assert ran.code == 0
    assert all(f"  {name} " in ran.out for name in COMMANDS)
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_examples_and_no_colours_in_a_pipe(tmp_path: Path, name: str) -> None:
    ran = mctl(name, "--help", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert f"mctl {name} [OPTIONS]" in ran.out
    assert "Examples:" in ran.out
    assert "\x1b" not in ran.out
    assert not list(tmp_path.iterdir())


def test_unknown_commands_and_options(tmp_path: Path) -> None:
    for arguments, word in ((["prune"], "'prune'"), (["export", "--int3"], "--int3")):
        ran = mctl(*arguments, cwd=tmp_path)
        assert ran.code == 2
        assert word in ran.err
        assert "Traceback" not in ran.err


def test_doctor_finds_this_environment_fit(tmp_path: Path) -> None:
    ran = mctl("doctor", cwd=tmp_path)
    assert ran.code == 0, ran.out
    lines = {line.split()[1]: line.split()[0] for line in ran.out.splitlines() if line[:1].strip()}
    assert lines.keys() >= {"python", "libraries", "masks", "machine", "bf16", "disk"}
    assert lines["libraries"] == lines["masks"] == "ok"
    assert "broken" not in lines.values()
    assert not list(tmp_path.iterdir())


def test_doctor_reports_what_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    ran = mctl("doctor", cwd=tmp_path)
    assert ran.code == 1
    assert "broken" in ran.out
    assert "codecarbon" in ran.out


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    from mctl.errors import UserError

    with pytest.raises(UserError, match="no model is named"):
        mctl("finetune", "--debug", cwd=tmp_path)
