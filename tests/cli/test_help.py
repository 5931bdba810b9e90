"""Help, doctor, and what a terminal is spared."""

from __future__ import annotations

import re
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


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["complier"], None),
        (["compres"], "mctl compress"),
        (["val"], "mctl validate"),
        (["prune"], "mctl compress --prune"),
        (["compress", "--prun", "25"], "--prune"),
        (["compress", "-prune", "25"], "--prune"),
        (["validate", "--fp16"], "mctl export"),
        (["--artifacts", "x", "compress"], "mctl compress --artifacts"),
        (["compress", "--prune", "0.25"], "--prune 25"),
        (["compress", "--prune"], "requires an argument"),
        (["compress", "--method", "movment"], "'movement'"),
        (["-x"], "there is no option -x"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(tmp_path: Path, arguments: list[str], meant: str | None) -> None:
    ran = mctl(*arguments, cwd=tmp_path)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert len(ran.err.splitlines()) == 1, "one paragraph"
    if meant is not None:
        assert meant in ran.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [[], ["help"], ["help", "compress"], ["compress", "help"]])
def test_the_word_help_asks_for_help(tmp_path: Path, arguments: list[str]) -> None:
    ran = mctl(*arguments, cwd=tmp_path)
    assert ran.code == 0
    assert ran.out.startswith("Usage: mctl compress" if "compress" in arguments else "Usage: mctl [OPTIONS] COMMAND")


@pytest.mark.parametrize("columns", ["60", "80"])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_name_of_an_option_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, columns: str) -> None:
    from mctl.cli.app import command_of

    monkeypatch.setenv("COLUMNS", columns)
    ran = mctl(name, "--help", cwd=tmp_path)
    written = set(re.findall(r"(?<![\w-])--?[\w-]+", ran.out))
    options = {option for parameter in command_of(name).params for option in parameter.opts if option.startswith("-")}
    assert options <= written


def test_the_exit_codes_are_the_same_in_code_help_and_guide(tmp_path: Path) -> None:
    from mctl.exit_codes import MEANINGS

    shown = mctl("--help", cwd=tmp_path).out
    guide = (Path(__file__).resolve().parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
    for code, meaning in MEANINGS.items():
        assert f"| {int(code)} | {meaning} |" in guide
        assert re.search(rf"^  {int(code)} +{re.escape(meaning.split(',')[0][:30])}", shown, re.MULTILINE)


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


def test_debug_shows_the_traceback_and_the_paragraph(tmp_path: Path) -> None:
    ran = mctl("finetune", "--debug", cwd=tmp_path)
    assert ran.code == 2
    assert "Traceback" in ran.err
    assert "error: --model: no model is named" in ran.err
