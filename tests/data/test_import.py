"""`import mctl.data` stays cheap: the command line imports it for its settings."""

from __future__ import annotations

import subprocess
import sys


def test_no_heavy_library_is_imported():
    heavy = ("pandas", "pyarrow", "datasets", "sklearn", "torch", "transformers")
    code = f"import sys, mctl.data; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
