"""Files of further texts: a text a line, whatever encoding Windows gave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mctl.errors import UserError
from mctl.pipeline.corpus import Corpus

TEXTS = ["मराठी बातम्या", "मुंबईत पाऊस"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_a_line_without_byte_order_mark_and_blank_lines(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "more.txt"
    path.write_bytes(end.join([TEXTS[0], "", TEXTS[1], ""]).encode(encoding))
    assert list(Corpus(path)) == TEXTS


def test_quotes_of_a_table_mean_what_the_settings_of_the_data_say(tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    path.write_text(f'id,text\n1,"{TEXTS[0]}\n2,{TEXTS[1]}"\n', encoding="utf-8")
    with pytest.raises(UserError, match="look like rows of their own"):
        list(Corpus(path))
    assert list(Corpus(path, quotes="none")) == [f'"{TEXTS[0]}', f'{TEXTS[1]}"']
