"""`mctl export --exporter`"""

from __future__ import annotations

from pathlib import Path

import pytest
from refusal import Refused

try:
    import optimum.exporters.onnx as OPTIMUM
except ImportError:
    OPTIMUM = None


def test_without_optimum_the_extra_is_named(copy_of_chain: Path, refused: Refused) -> None:
    if OPTIMUM:
        pytest.skip("optimum is installed")
    refused("export", "--exporter", "optimum", cwd=copy_of_chain, words=["pip install 'mctl[optimum]'"])


@pytest.mark.parametrize("form", ["attention", "fused"])
def test_a_form_that_optimum_does_not_write(copy_of_chain: Path, refused: Refused, form: str) -> None:
    words = ["--exporter optimum", "--graph", form]
    refused("export", "--exporter", "optimum", "--graph", form, cwd=copy_of_chain, words=words)
