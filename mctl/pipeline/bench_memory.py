"""Peak memory of each participant, in a process of its own that holds nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from mctl.pipeline.bench_lineup import Entry, Lineup
from mctl.pipeline.timing import Place
from mctl.progress import Progress
from mctl.report.bench_schema import Memory

_CHILD = "mctl.pipeline.bench_child"


@dataclass(frozen=True)
class MemoryFound:
    """What was found, by participant.

    Attributes:
        memory: of those that ran.
        unloaded: why a model could not be loaded.
        failed: why the largest call did not run; it would not here either, and could end this process.
    """

    memory: dict[str, Memory]
    unloaded: dict[str, str]
    failed: dict[str, str]


def memory_of_all(lineup: Lineup, largest: Place, progress: Progress) -> MemoryFound:
    """Have each participant run the largest call, one process after the other."""
    found = MemoryFound({}, {}, {})
    progress.start("peak memory", len(lineup.entries))
    for done, entry in enumerate(lineup.entries, start=1):
        answer = _ask(_request(entry, largest, lineup.vocabulary))
        if "failed" not in answer:
            found.memory[entry.name] = Memory(**answer)
        elif answer["failed"] == "load":
            found.unloaded[entry.name] = answer["reason"]
        else:
            found.failed[entry.name] = answer["reason"]
        progress.advance(done)
    progress.finish()
    return found


def _request(entry: Entry, place: Place, vocabulary: int) -> dict[str, Any]:
    return {
        "runtime": "onnxruntime" if entry.is_export else "pytorch",
        "model": str(entry.model),
        "inputs": entry.inputs,
        "provider": place.provider,
        "threads": place.threads,
        "texts": place.texts,
        "tokens": place.tokens,
        "vocabulary": vocabulary,
    }


def _ask(request: dict[str, Any]) -> dict[str, Any]:
    # -P: nothing is imported from the folder that the user happens to be in.
    command = [sys.executable, "-P", "-m", _CHILD]
    ran = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    if ran.returncode < 0:
        # The kernel kills without a word what needs more memory than there is.
        return {"failed": "run", "reason": f"its process was ended by {_signal(-ran.returncode)}"}
    if ran.returncode > 0:
        lines = ran.stderr.strip().splitlines()
        return {"failed": "load", "reason": lines[-1] if lines else f"its process ended with {ran.returncode}"}
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def _signal(number: int) -> str:
    name = signal.Signals(number).name
    return f"{name}, most likely for want of memory" if number == signal.SIGKILL else name
