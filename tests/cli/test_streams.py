"""Standard streams that are closed, full, or left by their reader: no traceback, and the work is done all the same."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import PROGRAM

from mctl.cli import main
from mctl.report.findings import Examined

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "0.1.0"
TEACHER = FIXTURE / "artifacts" / "teacher"


def shell(line: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line for a shell, in which `mctl` is this mctl."""
    program = " ".join(f"'{part}'" for part in PROGRAM)
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; mctl() {{ {program} "$@"; }}; {line}'],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_does_not_matter_to_a_command(tmp_path: Path, closed: str) -> None:
    ran = shell(f"mctl inspect '{TEACHER}' --picture drawn.svg {closed}", tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr + ran.stdout
    # What is printed must not end in a file that got the number of a closed stream.
    assert (tmp_path / "drawn.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_without_input_predict_has_no_output(tmp_path: Path) -> None:
    ran = shell(f"mctl predict --artifact '{TEACHER}' <&-", tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "Traceback" not in ran.stderr


def test_a_reader_that_leaves_ends_predict_without_an_error(tmp_path: Path) -> None:
    many = "for i in $(seq 4000); do echo 'मुंबईत आज जोरदार पाऊस'; done"
    ran = shell(f"{many} | mctl predict --artifact '{TEACHER}' --batch-size 8 | head -1", tmp_path)
    # The shell's own loop may end by its pipe: what counts is what mctl says.
    assert len(ran.stdout.splitlines()) == 1
    assert "Traceback" not in ran.stderr
    assert "error" not in ran.stderr.casefold().replace("write error", "")


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ("--quiet", 0),
        ("--max-logit-diff 1e-9 -v", 1),
        ("--max-accuracy-drop 1 --json", 3),
        ("--max-accuracy-drop 1 2>&1", 3),
    ],
)
def test_a_reader_that_leaves_does_not_change_a_verdict(tmp_path: Path, flags: str, code: int) -> None:
    old = shutil.copytree(FIXTURE, tmp_path / "old")
    judged = f"validate artifacts/prune25-distill-fp16 --no-emissions --repeats 2 {flags}"
    # The reader is gone before the verdict is there.
    ran = shell(f'{{ mctl {judged}; echo "code $?" > code; }} | true', old)
    assert (old / "code").read_text() == f"code {code}\n"
    assert "Traceback" not in ran.stderr
    if "--json" in flags:
        assert "inconclusive: accuracy_drop: " in ran.stderr, "of the two streams, one is still read"


def test_a_reader_that_leaves_does_not_mend_what_doctor_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mctl.pipeline.examine.examine", lambda recipe: [Examined("disk", "broken", "it is full")])
    monkeypatch.setattr(sys, "argv", ["mctl", "doctor"])
    monkeypatch.chdir(tmp_path)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone, contextlib.redirect_stdout(gone), pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1


@pytest.mark.parametrize("command", ["inspect", "report artifacts/prune25-distill-fp16"])
def test_a_reader_that_leaves_has_seen_enough(tmp_path: Path, command: str) -> None:
    ran = shell(f'{{ mctl {command}; echo "code $?" >&2; }} | true', FIXTURE)
    assert "code 0" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full", "2</dev/null", "2>&1 | true"])
def test_a_mistake_that_nobody_can_be_told_keeps_its_exit_code(tmp_path: Path, stream: str) -> None:
    assert shell(f"mctl nonsense {stream}", tmp_path).returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_locale_without_the_letters_is_no_error(tmp_path: Path, encoding: str) -> None:
    ran = shell(f"mctl predict --artifact '{TEACHER}' 'मुंबईत पाऊस'", tmp_path, PYTHONIOENCODING=encoding)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("typed", "flags"),
    [
        ("text,n\nमुंबई 🙂 पाऊस,1\n", "- --format csv"),
        ('{"text": "मुंबई 🙂 पाऊस", "n": 1}\n', "- --format jsonl"),
        ("मुंबई 🙂 पाऊस\n", "--json"),
    ],
)
def test_what_programs_read_is_utf8_whatever_the_locale(tmp_path: Path, typed: str, flags: str) -> None:
    (tmp_path / "typed").write_text(typed, encoding="utf-8")
    line = f"mctl predict {flags} --quiet --artifact '{TEACHER}' < typed > out"
    ran = shell(line, tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert ran.returncode == 0, ran.stderr
    assert "मुंबई 🙂 पाऊस" in (tmp_path / "out").read_text(encoding="utf-8")


def test_every_json_on_stdout_is_utf8(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE / "artifacts", tmp_path / "artifacts")
    code = (
        "import sys, mctl.artifact as a, mctl.report.verdict_files as v\n"
        "a.Manifest.model_dump_json = lambda *_, **__: 'पाऊस 🙂'\n"
        "v.FORMATS = dict(v.FORMATS, json=lambda *_: 'पाऊस 🙂'.encode())\n"
        "from mctl.cli import main; main()"
    )
    for arguments in (["inspect", "--json"], ["report", "artifacts/prune25-distill-fp16", "--format", "json"]):
        ran = subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": "latin-1"},
            capture_output=True,
            check=False,
            timeout=120,
        )
        assert ran.stdout.decode("utf-8").strip() == "पाऊस 🙂", ran.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_output_is_one_paragraph(tmp_path: Path, unbuffered: str) -> None:
    ran = shell(f"mctl inspect '{TEACHER}' > /dev/full", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert ran.returncode == 2
    assert ran.stderr.count("error: ") == 1
    assert "error: standard output: the disk is full" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_bug_shows_its_traceback_and_ends_with_70(tmp_path: Path) -> None:
    code = (
        "import sys, mctl.artifact as a\n"
        "def broken(*_): raise RuntimeError('planted')\n"
        f"a.load_artifact = broken; sys.argv = ['mctl', 'inspect', {str(TEACHER)!r}]\n"
        "from mctl.cli import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 70
    assert "RuntimeError: planted" in ran.stderr
    assert "bug of mctl" in ran.stderr


@pytest.mark.parametrize("environment", [{"FORCE_COLOR": "1"}, {"TTY_COMPATIBLE": "1"}, {"CI": "true"}, {}])
def test_a_log_has_a_line_for_a_piece_of_work_and_no_moving_bar(tmp_path: Path, environment: dict[str, str]) -> None:
    code = (
        "from mctl.report.console import open_console\n"
        "with open_console(False) as console:\n"
        "    console.start('score test', 9); console.advance(9); console.finish(); console.say('said')"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "score test" in ran.stderr
    assert "said" in ran.stderr
    for moving in ("\r", "\x1b[?25l", "\x1b[2K", "\x1b[1A"):
        assert moving not in ran.stderr
