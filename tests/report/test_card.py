"""The model card: readable by the hub's own parser, and no text of the user's turns into markup."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from results import result_with

from mctl.artifact import load_artifact
from mctl.report.card import escaped, export_card, model_card
from mctl.report.verdict_files import read_result


@pytest.mark.parametrize("name", ["teacher", "prune25-distill"])
def test_cards_are_in_the_artifacts_and_the_hub_can_read_them(chain: Path, name: str) -> None:
    folder = chain / "artifacts" / name
    card = ModelCard.load(folder / "README.md")
    assert card.data.pipeline_tag == "text-classification"
    facts = load_artifact(folder).manifest.facts
    assert f"{facts['parameters']['total']:,}" in card.text
    assert f"{100 * facts['metrics']['test']['accuracy']:.1f}" in card.text
    assert ("import mctl" in card.text) == (name != "teacher")


def test_no_text_of_the_user_becomes_markup(chain: Path) -> None:
    manifest = load_artifact(chain / "artifacts" / "teacher").manifest
    evil = "<script>alert(1)</script> [x](javascript:y) | `z`"
    card = model_card(manifest.model_copy(update={"data": {**manifest.data, "source": evil}}))
    assert "<script>" not in card
    assert "[x](" not in card
    assert escaped(evil) in card


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
