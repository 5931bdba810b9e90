"""What this machine's processor can do."""

from __future__ import annotations

from pathlib import Path

import pytest


def saturates() -> bool:
    """Whether onnxruntime's int8 products overflow their 16-bit sums: on x86 without VNNI, says its documentation."""
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    return "avx2" in flags and not {"avx512_vnni", "avx_vnni"} & set(flags)


needs_exact_int8 = pytest.mark.skipif(saturates(), reason="int8 products saturate on a processor without VNNI")
