"""Reports of a verdict, read by what reads them elsewhere; whatever stands in a text stays text."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import html5lib
import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml
from results import VERDICTS, result_with
from rich.console import Console
from sarif_pydantic import Sarif

from mctl.errors import UserError
from mctl.report.junit import junit
from mctl.report.page import page
from mctl.report.sarif import sarif
from mctl.report.schema import ValidationResult
from mctl.report.step_summary import append_step_summary
from mctl.report.summary import summary
from mctl.report.terminal import show
from mctl.report.verdict_files import FORMATS, parse_result, write_evidence

EVIL = "<script>alert(1)</script>\"'&]]>--><img src=x onerror=y>{{ 7*7 }}\x1b[31m[x](javascript:y)|`z`"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
PUBLISHED = Path(__file__).parents[2] / "mctl" / "report" / "validation.schema.json"


@given(TEXTS)
def test_junit_fits_its_schema_and_counts(text: str) -> None:
    written = junit(result_with(text))
    SCHEMA.validate(ElementTree.fromstring(written))
    (suite,) = JUnitXml.fromstring(written)
    assert (suite.tests, suite.failures, suite.errors) == (len(VERDICTS), 1, 1)
    found = {case.name: [type(one) for one in case.result] for case in suite}
    assert found == {"check_pass": [], "check_fail": [Failure], "check_inconclusive": [Error], "check_info": []}


@given(TEXTS)
def test_sarif_fits_its_model(text: str) -> None:
    log = Sarif.model_validate_json(sarif(result_with(text), "artifacts/a b"))
    (run,) = log.runs
    levels = {str(one.rule_id): one.level.value for one in run.results or []}
    assert levels == {
        "accuracy/check_pass": "none",
        "accuracy/check_fail": "error",
        "accuracy/check_inconclusive": "warning",
        "accuracy/check_info": "none",
    }
    place = (run.results or [])[0].locations[0].physical_location.artifact_location
    assert place.uri == "artifacts/a%20b/manifest.json"


@settings(max_examples=25)  # matplotlib takes its time
@given(TEXTS)
def test_html_holds_the_text_and_nothing_that_runs(text: str) -> None:
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    tree = parser.parse(page(result_with(text)))
    names = {element.tag for element in tree.iter() if isinstance(element.tag, str)}
    assert not names & {"script", "img", "iframe", "object", "embed", "link", "form", "a"}
    for element in tree.iter():
        for name, value in element.attrib.items():
            assert not str(name).lower().startswith("on")
            assert "javascript:" not in str(value)
    assert len(list(tree.iter("h1"))) == 1


def test_html_shows_what_it_was_given_and_reaches_for_nothing() -> None:
    written = page(result_with(EVIL))
    tree = html5lib.parse(written, namespaceHTMLElements=False)
    cells = ["".join(cell.itertext()).strip() for cell in tree.iter("td")]
    assert EVIL.replace("\x1b", "\\x1b") in cells
    assert "49" not in cells
    assert "default-src 'none'" in written
    outside = written.replace("http://www.w3.org/", "").replace("https://matplotlib.org/", "")
    outside = outside.replace("http://purl.org/dc/", "").replace("http://creativecommons.org/ns#", "")
    assert "http" not in outside.replace("http-equiv", "")


@given(TEXTS)
def test_markdown_is_one_table_row_a_check(text: str) -> None:
    lines = summary(result_with(text)).splitlines()
    rows = [line for line in lines if "`check_" in line]
    assert len(rows) == len(VERDICTS)
    # What the user wrote is between the bars, not among them.
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
    folds = {"<details>", "</details>", *re.findall("<summary>[0-9A-Za-z, ]+</summary>", "\n".join(lines))}
    assert "<" not in "".join(line for line in lines if line not in folds)


@given(TEXTS)
def test_json_is_the_same_and_disturbs_no_terminal(text: str) -> None:
    result = result_with(f"{text}\x9b31m\u202e")
    written = FORMATS["json"](result, Path()).decode()
    assert ValidationResult.model_validate_json(written) == result
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", written)


def test_a_table_takes_no_cell_for_markup() -> None:
    result = result_with("[/nope]")
    export = result.participants["export"].model_copy(update={"precision": "[/nope]\u202e"})
    result = result.model_copy(update={"participants": result.participants | {"export": export}})
    console = Console(file=io.StringIO(), width=200)
    show(result, console, verbose=True)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[/nope]\\u202e" in shown


def test_a_result_reads_as_it_was_written(tmp_path: Path) -> None:
    result = result_with(EVIL)
    write_evidence(result, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "validation.json",
        "validation.html",
        "junit.xml",
        "validation.sarif",
        "README.md",
        "verdicts",
    }
    assert parse_result(tmp_path / "validation.json") == result
    (kept,) = (tmp_path / "verdicts").iterdir()
    assert kept.name == "20260102T030405.678901Z-cpu.json"
    assert parse_result(kept) == result


@given(junk=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: json.dumps({text: text}).encode()))
def test_junk_is_refused_in_one_sentence(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("junk") / "validation.json"
    path.write_bytes(junk)
    with pytest.raises(UserError, match="no result of"):
        parse_result(path)


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == ValidationResult.model_json_schema()


def test_the_summary_goes_to_the_step_if_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "step.md"
    path.write_text("before\n", encoding="utf-8")
    append_step_summary(result_with("name"), {"GITHUB_STEP_SUMMARY": str(path)})
    assert path.read_text(encoding="utf-8").startswith("before\n# ❌ **fail**: name\n")
    append_step_summary(result_with("name"), {})
