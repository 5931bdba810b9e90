"""Peak memory of a compression, as a multiple of that of fine-tuning.

    python benchmarks/memory.py ENCODER DATA --folder FOLDER [--limit 128] [--epochs 1] [--max-length 64]

Every command runs in a process of its own. What is reported is the most that the process ever held (VmHWM), which
counts mapped files too, such as weights while they are loaded; and the largest anonymous part (RssAnon, sampled), which
the system cannot drop. Bound: compression with distillation of logits at most 1.3 times fine-tuning.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

BOUND = 1.3
PROGRAM = [sys.executable, "-P", "-m", "mctl"]
TOML = """artifacts = "{folder}/artifacts"
[model]
name = "{encoder}"
max_length = {length}
[data]
source = "{data}"
limit = {limit}
[finetune]
epochs = {epochs}
[compress]
prune = 50
ramp_epochs = {epochs}
recovery_epochs = {epochs}
"""
COMMANDS = {
    "finetune": ["finetune"],
    "compress --prune 50": ["compress", "--name", "labels"],
    "compress --prune 50 --distill logits": ["compress", "--distill", "logits", "--name", "logits"],
    "compress --prune 50 --distill logits,hidden": ["compress", "--distill", "logits,hidden", "--name", "hidden"],
}


def status(process: int) -> dict[str, int]:
    """Memory of a process in KiB, by the names of /proc; empty once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    fields = (line.split() for line in lines if line.startswith(("VmHWM:", "RssAnon:")))
    return {name.rstrip(":"): int(size) for name, size, _ in fields}


def peaks(command: list[str], folder: Path) -> tuple[float, float, float]:
    """VmHWM and the largest RssAnon in MiB, and seconds."""
    started = time.monotonic()
    process = subprocess.Popen(
        [*PROGRAM, *command, "--config", "mctl.toml", "--quiet"], cwd=folder, stdout=subprocess.DEVNULL
    )
    whole = anonymous = 0
    while process.poll() is None:
        now = status(process.pid)
        whole, anonymous = max(whole, now.get("VmHWM", 0)), max(anonymous, now.get("RssAnon", 0))
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}")
    return whole / 1024, anonymous / 1024, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="where the recipe and the artifacts go")
    parser.add_argument("--limit", type=int, default=128, help="texts of each split")
    parser.add_argument("--epochs", type=int, default=1, help="of fine-tuning, of the ramp, of recovery")
    parser.add_argument("--max-length", type=int, default=64)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True)
    values = {name: getattr(arguments, name).resolve() for name in ("encoder", "data")}
    values |= {"limit": arguments.limit, "epochs": arguments.epochs, "length": arguments.max_length, "folder": folder}
    (folder / "mctl.toml").write_text(TOML.format(**values), encoding="utf-8")
    print("| command | peak, MiB | of fine-tuning | anonymous, MiB | of fine-tuning | seconds |")
    print("|---|---|---|---|---|---|")
    found = {}
    for name, command in COMMANDS.items():
        found[name] = peaks(command, folder)
        whole, anonymous, seconds = found[name]
        of_whole, of_anonymous = whole / found["finetune"][0], anonymous / found["finetune"][1]
        print(
            f"| `mctl {name}` | {whole:.0f} | {of_whole:.2f} | {anonymous:.0f} | {of_anonymous:.2f} | {seconds:.0f} |",
            flush=True,
        )
    ratio = found["compress --prune 50 --distill logits"][0] / found["finetune"][0]
    print(f"\nlogits: {ratio:.2f}; bound {BOUND}: {'met' if ratio <= BOUND else 'missed'}")


if __name__ == "__main__":
    main()
