"""The model card: readable by the hub's own parser, and no text of the user's turns into markup."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from results import result_with

from mctl.artifact import Manifest, load_artifact
from mctl.report.card import escaped, export_card, model_card
from mctl.report.verdict_files import read_result
from mctl.samples import TOPICS


@pytest.mark.parametrize("name", ["teacher", "prune25-distill"])
def test_cards_are_in_the_artifacts_and_the_hub_can_read_them(chain: Path, name: str) -> None:
    folder = chain / "artifacts" / name
    card = ModelCard.load(folder / "README.md")
    assert card.data.pipeline_tag == "text-classification"
    facts = load_artifact(folder).manifest.facts
    assert f"{facts['parameters']['total']:,}" in card.text
    assert f"{100 * facts['metrics']['test']['accuracy']:.1f}" in card.text
    assert ("trust_remote_code=True" in card.text) == (name != "teacher")


def test_no_text_of_the_user_becomes_markup(chain: Path) -> None:
    manifest = load_artifact(chain / "artifacts" / "teacher").manifest
    evil = "<script>alert(1)</script> [x](javascript:y) | `z`"
    card = model_card(manifest.model_copy(update={"data": {**manifest.data, "source": evil}}))
    assert "<script>" not in card
    assert "[x](" not in card
    assert escaped(evil.rpartition("/")[2]) in card


def test_the_card_of_an_export_has_its_verdict_and_what_making_it_took(chain: Path) -> None:
    card = ModelCard.load(chain / "artifacts" / "prune25-distill-fp16" / "README.md")
    result = read_result(chain / "artifacts" / "prune25-distill-fp16")
    assert "**pass**" in card.text
    assert result.making is not None
    assert card.data.co2_eq_emissions["emissions"] == pytest.approx(result.making.gco2e)
    assert card.data.co2_eq_emissions["source"] == "CodeCarbon, estimated"
    assert card.data.eval_results is not None
    values = {found.metric_type: found.metric_value for found in card.data.eval_results}
    assert values["accuracy"] == result.participants["export"].accuracy


def test_cards_of_pytorch_artifacts_have_their_emissions(chain: Path) -> None:
    for name in ("teacher", "prune25-distill"):
        card = ModelCard.load(chain / "artifacts" / name / "README.md")
        making = load_artifact(chain / "artifacts" / name).manifest.facts["making"]
        assert card.data.co2_eq_emissions["emissions"] == pytest.approx(making["gco2e"])


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_whatever_a_name_holds_the_metadata_is_that_of_a_card(text: str) -> None:
    card = ModelCard(export_card(result_with(text)), ignore_metadata_errors=False)
    assert card.data.library_name == "onnx"
    assert card.data.co2_eq_emissions["hardware_used"] == text
    assert "<" not in card.text


# As where mctl is not installed: what a card says has to work there.
WITHOUT_MCTL = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mctl":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
"""


@pytest.mark.parametrize("name", ["teacher", "prune25-distill", "prune25-distill-fp16"])
def test_the_code_of_every_card_runs_as_it_stands_without_mctl(chain: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(chain / "artifacts" / name, tmp_path / "a copy, downloaded")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "\nIn the folder of this card, with " in card
    (code,) = re.findall(r"^```python\n(.*?)^```$", card, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT_MCTL + code],
        cwd=folder,
        env={**os.environ, "HF_MODULES_CACHE": str(tmp_path / "modules")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] in TOPICS


@pytest.mark.parametrize("name", ["teacher", "prune25-distill", "prune25-distill-fp16"])
def test_no_card_and_no_configuration_tells_a_path_of_the_machine(chain: Path, name: str) -> None:
    for path in (chain / "artifacts" / name).iterdir():
        if path.name in {"README.md", "config.json", "tokenizer_config.json", "tokenizer.json"}:
            assert str(chain.parent) not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize(
    ("source", "expected"),
    [("/home/me/secret/news.csv", "news.csv"), ("../data/splits", "splits"), ("user/name", "user/name")],
)
def test_a_card_names_data_without_the_way_to_them(chain: Path, source: str, expected: str) -> None:
    manifest = load_artifact(chain / "artifacts" / "teacher").manifest
    card = model_card(manifest.model_copy(update={"data": {**manifest.data, "source": source}}))
    assert f"Data: {expected} (" in card


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_no_text_of_the_user_is_in_the_code_of_a_card(text: str) -> None:
    def code(card: str) -> str:
        return card.partition("```python")[2].partition("```")[0]

    assert code(export_card(result_with(f"{text}x"))) == code(export_card(result_with("y"))) != ""


def test_the_card_of_an_export_says_which_rows_were_dropped(chain: Path) -> None:
    artifacts = chain / "artifacts"
    result = read_result(artifacts / "prune25-distill-fp16")
    teacher, export = (
        _with_dropped_rows(load_artifact(artifacts / name).manifest) for name in ("teacher", result.artifact)
    )
    said = "1,200 of 10,000 rows were dropped before training; `dropped.csv`"
    row = r"| empty\_text | 1,200 | 12.0 | 7, a\|b |"
    for card, where in (
        (export_card(result, export), " in the folder of prune25-distill"),
        (model_card(teacher), ""),
    ):
        assert f"{said}{where} names each." in card
        assert card.splitlines().count(row) == 1
    assert "were dropped" not in export_card(result)


def _with_dropped_rows(manifest: Manifest) -> Manifest:
    reasons = [{"reason": "empty_text", "rows": 1200, "percent": 12.0, "lines": ["7", "a|b"]}]
    dropped = {"rows": 1200, "of": 10000, "percent": 12.0, "reasons": reasons}
    return manifest.model_copy(update={"data": manifest.data | {"dropped": dropped}})
