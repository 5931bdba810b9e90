"""Files of further texts: a text a line, whatever encoding Windows gave them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from vocabularies import word_piece

from mctl.data import DataSettings
from mctl.errors import UserError
from mctl.pipeline.compress import key_of
from mctl.pipeline.corpus import Corpus
from mctl.pipeline.unlabelled import unlabelled_texts
from mctl.pipeline.vocabulary import check_vocabulary
from mctl.progress import Silent
from mctl.recipe import CompressSettings, ModelSettings, Recipe

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


@pytest.fixture
def workbook(tmp_path: Path) -> str:
    """Two sheets: the second one has texts in Marathi."""
    book = openpyxl.Workbook()
    for name, text in (("first", "новости дня"), ("second", TEXTS[0])):
        sheet = book.create_sheet(name)
        for cell in ("text", text):
            sheet.append([cell])
    del book["Sheet"]
    book.save(tmp_path / "more.xlsx")
    return str(tmp_path / "more.xlsx")


@pytest.mark.parametrize(
    ("sheet", "read", "told"),
    [(None, "новости дня", "second"), ("second", TEXTS[0], None), ("elsewhere", "новости дня", "second")],
)
def test_a_workbook_is_read_by_the_sheet_of_the_data_or_by_its_first_and_others_are_told(
    workbook: str, sheet: str | None, read: str, told: str | None
) -> None:
    listener = Listener()
    assert list(Corpus(Path(workbook), sheet=sheet, progress=listener)) == [read]
    said = f"--vocab-corpus {workbook}: sheets that are not read (--sheet chooses one): {told}"
    assert listener.said == ([said] if told else [])


def test_a_corpus_of_tokens_is_read_by_the_sheet_of_the_data(workbook: str) -> None:
    data: Any = SimpleNamespace(dataset=SimpleNamespace(columns=SimpleNamespace(text="text")))
    tokenizer, listener = word_piece(["म", "##र"]), Listener()
    settings = CompressSettings(trim_vocab=True, vocab_corpus=(workbook,))
    check_vocabulary(tokenizer, data, Recipe(compress=settings, data=DataSettings(sheet="second")), listener)
    assert listener.said == []
    with pytest.raises(UserError, match="the tokenizer knows no letter of it"):
        check_vocabulary(tokenizer, data, Recipe(compress=settings), listener)
    assert "sheets that are not read (--sheet chooses one): second" in listener.said[0]


def test_unlabelled_texts_are_read_by_the_sheet_of_the_data(workbook: str) -> None:
    split = SimpleNamespace(texts=["पाऊस", "मुंबईत जोरदार पाऊस"])
    data = SimpleNamespace(splits={"train": split}, dataset=SimpleNamespace(columns=SimpleNamespace(text="text")))
    for sheet, text, said in (("second", TEXTS[0], 0), (None, "новости дня", 1)):
        recipe = Recipe(compress=CompressSettings(unlabelled=(workbook,)), data=DataSettings(sheet=sheet))
        listener = Listener()
        shop: Any = SimpleNamespace(recipe=recipe, data=data, progress=listener)
        assert unlabelled_texts(shop) == [text]
        assert len(listener.said) == said


@pytest.mark.parametrize("corpora", [{}, {"unlabelled": "sha256"}])
def test_how_corpora_are_read_is_part_of_the_key_where_it_is_unusual(corpora: dict[str, str]) -> None:
    teacher: Any = SimpleNamespace(as_parent=lambda: SimpleNamespace(manifest_sha256="of the teacher"))
    data: Any = SimpleNamespace(dataset=SimpleNamespace(sha256="of the data"))
    settings = (
        DataSettings(source="news.csv", text="headline", seed=7, quotes="checked"),
        DataSettings(quotes="none"),
        DataSettings(sheet="second"),
    )
    recipes = [Recipe(model=ModelSettings(max_length=16), data=each) for each in settings]
    usual, *others = [key_of(recipe, teacher, data, None, corpora) for recipe in recipes]
    assert usual == key_of(Recipe(model=ModelSettings(max_length=16)), teacher, data, None, corpora)
    assert len({usual, *others}) == (3 if corpora else 1)


class Listener(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def say_once(self, *lines: str) -> None:
        self.said += lines
