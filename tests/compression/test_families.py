"""What is known of each family, held against its stock model; and what is not known, refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import kept_units
from models import FAMILIES, STOCK, batch, logits, small_config, small_model
from transformers.activations import ACT2FN
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from mctl.compression.families import family_of, supported
from mctl.compression.layout import count_parameters, layout_of
from mctl.compression.strip import live_units, strip
from mctl.errors import UserError
from mctl.pipeline.finetune import freeze_embeddings
from mctl.pipeline.loading import check_length

# xIELU, which no encoder has, reads its buffers while it is built: transformers 4 cannot do that on the meta device.
ACTIVATIONS = sorted(set(ACT2FN) - {"xielu"})
OTHERS = sorted(set(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES) - set(FAMILIES))


def sizes(model: Any, *words: str) -> int:
    """Parameters of which the name has one of the words."""
    return sum(p.numel() for name, p in model.named_parameters() if any(word in name for word in words))


def test_the_families_under_test_are_all_there_are() -> None:
    assert supported() == sorted(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), layers=st.integers(1, 3), heads=st.integers(1, 4), rows=st.integers(1, 20))
def test_counts_equal_the_tensors(family: str, data: st.DataObject, layers: int, heads: int, rows: int) -> None:
    model = small_model(family, layers=layers, heads=heads, rows=rows)
    before = count_parameters(model)
    assert before.total == sizes(model, "")
    assert before.embeddings == sizes(model, ".embeddings")
    assert before.encoder == sizes(model, ".layer.")
    assert before.head == sizes(model, "classifier", "pooler")
    assert before.encoder_weights == layers * (4 * (heads * 8) ** 2 + 2 * heads * 8 * rows)
    kept = data.draw(kept_units(layers, heads, rows))
    after = count_parameters(strip(model, kept))
    heads_gone = sum(heads - len(chosen) for chosen in kept.heads)
    rows_gone = sum(rows - len(chosen) for chosen in kept.rows)
    layout = layout_of(model)
    weights = heads_gone * layout.weights_per_head + rows_gone * layout.weights_per_row
    biases = heads_gone * 3 * 8 + rows_gone  # Of query, key and value, and of the first FFN matrix.
    assert before.encoder_weights - after.encoder_weights == weights
    assert before.total - after.total == before.encoder - after.encoder == weights + biases
    assert (after.embeddings, after.head) == (before.embeddings, before.head)


def test_the_counts_of_a_bert_are_what_its_sizes_say() -> None:
    counts = count_parameters(small_model("bert", layers=2, heads=4, head_size=8, rows=48))
    biases_and_norms = 2 * (4 * 32 + 48 + 32 + 2 * 2 * 32)
    assert counts.encoder == 2 * (4 * 32 * 32 + 2 * 32 * 48) + biases_and_norms
    assert counts.embeddings == (100 + 64 + 2) * 32 + 2 * 32


def test_an_electra_projection_counts_as_embeddings_if_there_is_one() -> None:
    narrow, wide = small_model("electra"), small_model("electra", embedding_size=32)
    assert count_parameters(narrow).embeddings == (100 + 64 + 2) * 12 + 2 * 12 + 12 * 32 + 32
    assert count_parameters(wide).embeddings == (100 + 64 + 2) * 32 + 2 * 32


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("wanted", "pieces", "frozen"), [(True, 9, True), (False, 5000, False), (None, 5000, True)])
def test_embeddings_are_frozen_and_nothing_else(family: str, wanted: bool | None, pieces: int, frozen: bool) -> None:
    model = small_model(family, vocab_size=pieces)
    freeze_embeddings(model, wanted)
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad is not (frozen and ".embeddings" in name), name


@pytest.mark.parametrize("family", FAMILIES)
def test_few_embeddings_go_on_learning(family: str) -> None:
    model = small_model(family, vocab_size=9, max_position_embeddings=16)
    freeze_embeddings(model, None)
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_longest_text_allowed_is_the_longest_that_runs(family: str) -> None:
    model = small_model(family)
    longest = family_of(model.config).positions(model.config)
    check_length(model.config, longest)
    assert logits(model, batch(length=longest)).isfinite().all()
    with pytest.raises(UserError, match=f"{longest + 1} tokens are more than the {longest} positions"):
        check_length(model.config, longest + 1)
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, longest + 1), 5))


def test_roberta_positions_begin_after_the_padding() -> None:
    config = small_config("roberta", max_position_embeddings=514)
    assert family_of(config).positions(config) == 512
    config = small_config("bert", max_position_embeddings=512)
    assert family_of(config).positions(config) == 512


@pytest.mark.parametrize("family", FAMILIES)
def test_token_types_are_for_models_that_take_them(family: str) -> None:
    taken = family_of(small_config(family)).inputs()
    assert {"input_ids", "attention_mask"} <= taken
    assert ("token_type_ids" in taken) is (family != "distilbert")


@pytest.mark.parametrize("family", ["bert", "distilbert"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_row_that_is_zero_before_the_activation_is_dead_only_if_it_is_zero_after_it(family: str, name: str) -> None:
    named = {"activation" if family == "distilbert" else "hidden_act": name}
    model = small_model(family, layers=1, rows=6, **named)
    described = family_of(model.config)
    (layer,) = described.layers(model)
    with torch.no_grad():
        first = described.linear(layer, "ffn_in")
        first.weight[2], first.bias[2] = 0, 0
    expected = logits(model)
    kept = live_units(model)
    assert (2 in kept.rows[0]) is bool(ACT2FN[name](torch.zeros(1)).any())
    torch.testing.assert_close(logits(strip(model, kept)), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("options", [{"sinusoidal_pos_embds": True}, {"chunk_size_feed_forward": 1}])
def test_what_a_distilbert_may_have(options: dict[str, Any]) -> None:
    model = small_model("distilbert", **options)
    torch.testing.assert_close(logits(strip(model, live_units(model))), logits(model), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_compact_configuration_keeps_the_familys_own_names(family: str) -> None:
    model = small_model(family)
    config = strip(model, live_units(model)).config
    before, after = model.config.to_dict(), config.to_dict()
    assert after.pop("compact_layout") == {"heads": [4, 4], "ffn": [48, 48]}
    assert after.pop("model_type") == f"mctl-{family}"
    assert set(after.pop("auto_map")) == {"AutoConfig", "AutoModelForSequenceClassification"}
    changed = {"model_type", "architectures", "transformers_version"}
    assert {name: after[name] for name in before.keys() - changed} == {
        name: before[name] for name in before.keys() - changed
    }
    assert issubclass(type(config), STOCK[family][0])


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_architecture_is_refused_and_the_supported_ones_named(name: str) -> None:
    with pytest.raises(UserError) as refused:
        family_of(SimpleNamespace(model_type=name))
    assert name.lower() in refused.value.what.lower()
    assert refused.value.todo == "Supported architectures: bert, distilbert, electra, roberta, xlm-roberta."


def test_an_architecture_that_shares_its_weights_keeps_its_reason() -> None:
    with pytest.raises(UserError, match="ALBERT shares one set of weights between all its layers"):
        family_of(SimpleNamespace(model_type="albert"))
