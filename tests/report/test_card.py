"""The model card: readable by the hub's own parser, and no text of the user's turns into markup."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from mctl.artifact import load_artifact
from mctl.report.card import escaped, model_card


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
