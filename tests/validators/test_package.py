from __future__ import annotations

import subprocess
import sys


def modules_after(*statements):
    """Names of the modules that a fresh interpreter has loaded after the last statement and not before it."""
    *before, last = statements
    lines = ["import sys", *before, "before = set(sys.modules)", last, "print(*sorted(set(sys.modules) - before))"]
    finished = subprocess.run(
        [sys.executable, "-P", "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    return finished.stdout.split()


def test_package_imports_nothing_but_itself_and_the_standard_library():
    roots = {name.partition(".")[0] for name in modules_after("import mctl", "import mctl.validators")}
    assert "mctl" in roots
    assert {root for root in roots if root not in sys.stdlib_module_names} == {"mctl"}


def test_validators_know_nothing_else_of_mctl():
    names = ("accuracy", "emissions", "gate", "integrity", "latency", "onnx_file", "parity", "paths", "statistics")
    load = f"from mctl.validators import {', '.join(names)}"
    ours = [name for name in modules_after("import mctl", load) if name.partition(".")[0] == "mctl"]
    assert {f"mctl.validators.{name}" for name in names} <= set(ours)
    assert all(name.startswith("mctl.validators") for name in ours)
