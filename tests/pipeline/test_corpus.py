"""Files of further texts: a text a line, whatever encoding Windows gave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mctl.pipeline.corpus import Corpus

TEXTS = ["मराठी बातम्या", "मुंबईत पाऊस"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_a_line_without_byte_order_mark_and_blank_lines(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "more.txt"
    path.write_bytes(end.join([TEXTS[0], "", TEXTS[1], ""]).encode(encoding))
    assert list(Corpus(path)) == TEXTS
