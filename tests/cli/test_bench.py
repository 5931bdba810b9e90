"""`mctl bench`: what is timed, what is written, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command import mctl
from refusal import Refused

QUICK = ("--rounds", 5, "--warmup", 1, "--threads", 1)
CHEAP = (*QUICK, "--no-memory", "--no-energy")
EXPORT, TEACHER = "artifacts/prune25-distill-fp16", "artifacts/teacher"


def test_everything_is_measured_and_written_in_three_forms(copy_of_chain: Path) -> None:
    ran = mctl("bench", "--batch", "1,4", "--length", "8,16", *QUICK, "--json", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "timing every export in artifacts: prune25-distill-fp16" in ran.err
    result = json.loads(ran.out)
    assert result["baseline"] == "teacher"
    assert [(point["batch"], point["length"]) for point in result["points"]] == [(1, 8), (1, 16), (4, 8), (4, 16)]
    for point in result["points"]:
        assert point["missing"] == {}
        assert point["timings"]["teacher"]["speedup"] is None
        timing = point["timings"]["prune25-distill-fp16"]
        assert 0 < timing["p50_ms"] <= timing["p90_ms"] <= timing["p95_ms"] <= timing["p99_ms"]
        assert timing["samples"] == 5
        assert timing["speedup"]["low"] <= timing["speedup"]["value"] <= timing["speedup"]["high"]
        assert timing["throughput_texts_per_s"] > 0
    assert (result["clock"], result["threads"], result["provider"]) == ("processor", 1, "cpu")
    for name, runtime in (("teacher", "PyTorch"), ("prune25-distill-fp16", "onnxruntime")):
        member = result["participants"][name]
        assert member["runtime"] == runtime
        assert 50 < member["memory"]["imports_mb"] < member["memory"]["peak_mb"]
        assert member["emissions"]["kwh_per_1000_texts"] > 0
    assert result["memory_at"] == result["emissions_at"] == {"batch": 4, "length": 16}
    assert result["machine"]["processor"] and "onnxruntime" in " ".join(result["versions"])
    folder = copy_of_chain / "artifacts" / "bench"
    assert json.loads((folder / "bench.json").read_text()) == result
    assert ElementTree.parse(folder / "bench.svg").getroot().tag.endswith("svg")
    table = (folder / "bench.md").read_text()
    assert table.count("| prune25-distill-fp16 |") == 5
    again = mctl("bench", *CHEAP, "--batch", 1, "--length", 8, "--no-torch", cwd=copy_of_chain)
    assert again.code == 0, "the folder of the reports is no artifact"


def test_a_table_in_a_pipe_has_no_escape_codes_and_fits(copy_of_chain: Path, tmp_path: Path) -> None:
    ran = mctl("bench", EXPORT, "--batch", 2, "--length", 8, *CHEAP, "--out", tmp_path / "out", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "2 texts of 8 tokens" in ran.out
    assert "\x1b" not in ran.out + ran.err
    rows = [line for line in ran.out.splitlines() if line.startswith(("teacher", "prune25-distill-fp16"))]
    assert len(rows) == 4 and max(map(len, rows)) <= 80
    assert not (copy_of_chain / "artifacts" / "bench").exists()


def test_an_artifact_is_as_fast_as_itself(copy_of_chain: Path) -> None:
    arguments = (EXPORT, EXPORT, "--no-torch", "--batch", 2, "--length", 16, "--rounds", 60, "--threads", 1)
    ran = mctl("bench", *arguments, "--no-memory", "--no-energy", "--samples", "--json", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    (point,) = json.loads(ran.out)["points"]
    assert list(point["timings"]) == ["prune25-distill-fp16", "prune25-distill-fp16 (2)"]
    speedup = point["timings"]["prune25-distill-fp16 (2)"]["speedup"]
    assert 0.8 < speedup["value"] < 1.25
    assert len(point["timings"]["prune25-distill-fp16"]["samples_ms"]) == 60


def test_baseline_of_choice_and_none(copy_of_chain: Path) -> None:
    size = ("--batch", 1, "--length", 8, *CHEAP, "--json")
    chosen = mctl("bench", TEACHER, EXPORT, "--baseline", EXPORT, *size, cwd=copy_of_chain)
    assert json.loads(chosen.out)["baseline"] == "prune25-distill-fp16"
    assert json.loads(chosen.out)["points"][0]["timings"]["teacher"]["speedup"]["value"] > 0
    without = mctl("bench", EXPORT, "--baseline", "none", *size, cwd=copy_of_chain)
    result = json.loads(without.out)
    assert result["baseline"] is None and list(result["participants"]) == ["prune25-distill-fp16"]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by RLIMIT_AS")
def test_a_batch_beyond_memory_is_a_missing_point(copy_of_chain: Path) -> None:
    """Embeddings of 100,000 texts take 6.5 GB, and the process may have 8 GB of addresses; the smaller call goes on."""
    limit = "import resource as r; r.setrlimit(r.RLIMIT_AS, (8 * 10**9, 8 * 10**9))"
    size = ["--batch", "1,100000", "--length", "128", *map(str, QUICK), "--no-energy", "--json"]
    program = f"{limit}; import sys; from mctl.cli import main; sys.argv[1:] = {['bench', EXPORT, *size]}; main()"
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=copy_of_chain, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr
    small, large = json.loads(ran.stdout)["points"]
    assert set(small["timings"]) == {"teacher", "prune25-distill-fp16"}
    assert large["timings"] == {}
    assert set(large["missing"]) == {"teacher", "prune25-distill-fp16"}
    assert all("alloc" in reason.lower() for reason in large["missing"].values()), large["missing"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--length", "999"], ["--length", "999 tokens", "128 positions", "128 or fewer"]),
        (["--length", "8,x"], ["--length", "whole numbers"]),
        (["--batch", "0"], ["--batch", "greater than or equal to 1"]),
        (["--provider", "tpu"], ["--provider", "'cpu' or 'cuda'"]),
        (["--rounds", "1"], ["--rounds", "greater than or equal to 2"]),
        (["--seconds-per-point", "0"], ["--seconds-per-point", "greater than 0"]),
        (["--baseline", "artifacts/nothing"], ["artifacts/nothing", "no artifact here"]),
        (["artifacts/nothing"], ["artifacts/nothing", "no artifact here"]),
        (["--out", "news.csv"], ["--out news.csv", "this is a file"]),
        (["--out", TEACHER], ["--out artifacts/teacher", "is an artifact"]),
        (["--out", f"{TEACHER}/below"], ["--out artifacts/teacher/below", "in the artifact teacher"]),
        (["--artifacts", "empty"], ["no export in empty", "mctl export"]),
    ],
)
def test_refused(copy_of_chain: Path, refused: Refused, arguments: list[str], words: list[str]) -> None:
    refused("bench", *arguments, cwd=copy_of_chain, words=words)


def test_a_gpu_that_is_not_there(copy_of_chain: Path, refused: Refused) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is one")
    refused("bench", "--provider", "cuda", cwd=copy_of_chain, words=["--provider", "GPU", "mctl doctor"])


def test_markup_in_a_name_is_text(copy_of_chain: Path) -> None:
    """A folder's name ends up in a terminal, in Markdown and in a picture."""
    folder = copy_of_chain / "artifacts" / "a|[b]<i>"
    (copy_of_chain / EXPORT).rename(folder)
    ran = mctl("bench", folder, "--batch", 1, "--length", 8, *CHEAP, "--no-torch", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "a|[b]<i>" in ran.out
    table = (copy_of_chain / "artifacts" / "bench" / "bench.md").read_text()
    assert "<i>" not in table
    assert ElementTree.parse(copy_of_chain / "artifacts" / "bench" / "bench.svg") is not None
