from __future__ import annotations

import subprocess
import sys

import pytest

import mctl.exporters

HEAVY = ("torch", "onnx", "onnxruntime", "transformers", "numpy")


def test_importing_the_package_loads_nothing_heavy():
    script = (
        "import sys, mctl; before = set(sys.modules); import mctl.exporters; "
        f"print([name for name in {HEAVY} if name in set(sys.modules) - before])"
    )
    result = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_public_name_is_found():
    for name in mctl.exporters.__all__:
        assert getattr(mctl.exporters, name).__name__ == name
    assert set(mctl.exporters.__all__) <= set(dir(mctl.exporters))
    with pytest.raises(AttributeError, match="no attribute 'export_fp64'"):
        _ = mctl.exporters.export_fp64


def test_export_error_is_a_value_error():
    assert issubclass(mctl.exporters.ExportError, ValueError)
