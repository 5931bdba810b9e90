"""A student drops nothing while it learns from a teacher, and is as it was after that."""

from __future__ import annotations

import pytest
import torch
from models import FAMILIES, batch, small_model

from mctl.compression.dropout import without_dropout


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_in_training_mode_it_computes_as_in_evaluation_mode(family: str, attention: str) -> None:
    model = small_model(family)
    model.set_attn_implementation(attention)
    inputs, config = batch(padding=model.config.pad_token_id), model.config.to_dict()
    with torch.no_grad():
        expected = model.eval()(**inputs).logits
        model.train()
        with without_dropout(model):
            found = model(**inputs).logits
        dropping = model(**inputs).logits
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(dropping, expected)
    assert model.config.to_dict() == config


def test_an_error_within_it_leaves_the_model_as_it_was() -> None:
    model = small_model("bert")
    before = [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    with pytest.raises(KeyError), without_dropout(model):
        raise KeyError
    assert [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)] == before
    assert any(before)
