"""`mctl export --exporter` and `--quantization`"""

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


def test_static_quantization_is_for_int8(copy_of_chain: Path, refused: Refused) -> None:
    words = ["--quantization static", "--int8"]
    refused("export", "--fp16", "--quantization", "static", cwd=copy_of_chain, words=words)


def test_static_quantization_needs_texts(copy_of_chain: Path, refused: Refused) -> None:
    (copy_of_chain / "news.csv").unlink()
    words = ["--quantization static", "dev texts", "[data]"]
    refused("export", "--int8", "--quantization", "static", cwd=copy_of_chain, words=words)
