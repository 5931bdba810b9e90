"""The algebra of the strip: masked equals stripped equals reloaded, for any layout."""

from __future__ import annotations

import copy
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import batch, logits, small_bert
from transformers import AutoModelForSequenceClassification

from mctl.compression.budget import Budget
from mctl.compression.families import family_of
from mctl.compression.layout import count_parameters, layout_of
from mctl.compression.movement import attach_masks, bake_masks
from mctl.compression.strip import Kept, copy_modeling_code, live_units, strip


def pruned_pair(model: Any, level: float, seed: int, structure: str = "units", block: int = 8) -> tuple[Any, Any]:
    """A masked model and its stripped twin, at random scores."""
    family = family_of(model.config)
    masks = attach_masks(model, family, layout_of(model).head_size, structure, block)
    generator = torch.Generator().manual_seed(seed)
    for group in masks.groups:
        group.scores.data.copy_(torch.randn(group.scores.shape, generator=generator))
    masks.set_thresholds(Budget.of(masks.groups).thresholds(masks.groups, level))
    baked = copy.deepcopy(model)
    bake_masks(baked, family)
    return model, strip(baked, live_units(baked))


@settings(max_examples=40, deadline=None)
@given(
    layers=st.integers(1, 3),
    heads=st.integers(1, 5),
    rows=st.integers(1, 40),
    level=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**16),
    length=st.integers(3, 20),
)
def test_masked_equals_stripped(layers: int, heads: int, rows: int, level: float, seed: int, length: int) -> None:
    masked, stripped = pruned_pair(small_bert(layers=layers, heads=heads, rows=rows, seed=seed), level, seed)
    inputs = batch(length=length, seed=seed)
    torch.testing.assert_close(logits(stripped, inputs), logits(masked, inputs), atol=1e-5, rtol=0)


@settings(max_examples=15, deadline=None)
@given(level=st.floats(0.0, 1.0), seed=st.integers(0, 2**16), block=st.sampled_from([4, 8, 16]))
def test_masked_blocks_equal_stripped(level: float, seed: int, block: int) -> None:
    masked, stripped = pruned_pair(small_bert(seed=seed), level, seed, "blocks", block)
    torch.testing.assert_close(logits(stripped), logits(masked), atol=1e-5, rtol=0)


@settings(max_examples=15, deadline=None)
@given(data=st.data(), layers=st.integers(1, 3), seed=st.integers(0, 2**16))
def test_reload_gives_identical_logits(data: st.DataObject, layers: int, seed: int, tmp_path_factory: Any) -> None:
    model = small_bert(layers=layers, seed=seed)
    some = st.sets(st.integers(0, 3), min_size=1).map(sorted)
    more = st.sets(st.integers(0, 47), min_size=1).map(sorted)
    kept = Kept(
        tuple(tuple(data.draw(some)) for _ in range(layers)), tuple(tuple(data.draw(more)) for _ in range(layers))
    )
    stripped = strip(model, kept)
    folder = tmp_path_factory.mktemp("reload")
    stripped.save_pretrained(folder)
    reloaded = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert torch.equal(logits(reloaded), logits(stripped))
    assert layout_of(reloaded).heads == tuple(len(heads) for heads in kept.heads)
    assert layout_of(reloaded).ffn == tuple(len(rows) for rows in kept.rows)


def test_a_layer_with_one_head_and_one_row_works(tmp_path: Path) -> None:
    masked, stripped = pruned_pair(small_bert(layers=3), 1.0, seed=5)
    assert layout_of(stripped).heads == (1, 1, 1)
    assert layout_of(stripped).ffn == (1, 1, 1)
    torch.testing.assert_close(logits(stripped), logits(masked), atol=1e-5, rtol=0)
    stripped.save_pretrained(tmp_path)
    reloaded = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.equal(logits(reloaded), logits(stripped))


def test_stripping_twice_is_stripping_once_more() -> None:
    model = small_bert()
    once = strip(model, Kept(((0, 2, 3), (1, 3)), (tuple(range(0, 48, 2)), tuple(range(20)))))
    masked, twice = pruned_pair(once, 0.5, seed=9)
    torch.testing.assert_close(logits(twice), logits(masked), atol=1e-5, rtol=0)
    assert layout_of(twice).weights < layout_of(once).weights < layout_of(model).weights


def test_strip_leaves_the_source_alone_and_keeps_training_state_and_frozen_parameters() -> None:
    model = small_bert().train()
    model.bert.embeddings.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stripped = strip(model, Kept(((0,), (1, 2)), ((0, 1), (2, 3, 4))))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert stripped.training
    assert not stripped.bert.embeddings.word_embeddings.weight.requires_grad
    assert stripped.classifier.weight.requires_grad


def test_parameters_are_counted_where_they_are() -> None:
    model = small_bert(layers=2, heads=4, head_size=8, rows=48)
    counts = count_parameters(model)
    assert counts.total == sum(parameter.numel() for parameter in model.parameters())
    assert counts.encoder_weights == 2 * (4 * 32 * 32 + 2 * 32 * 48) == layout_of(model).weights
    biases_and_norms = 2 * (4 * 32 + 48 + 32 + 2 * 2 * 32)
    assert counts.encoder == counts.encoder_weights + biases_and_norms
    assert counts.embeddings == (100 + 64 + 2) * 32 + 2 * 32


@pytest.mark.parametrize("dead", ["value", "output"])
def test_a_head_is_dead_when_it_cannot_reach_the_output(dead: str) -> None:
    model = small_bert()
    attention = model.bert.encoder.layer[0].attention
    with torch.no_grad():
        if dead == "value":
            attention.self.value.weight[8:16] = 0
            attention.self.value.bias[8:16] = 0
        else:
            attention.output.dense.weight[:, 8:16] = 0
    expected = logits(model)
    kept = live_units(model)
    assert kept.heads == ((0, 2, 3), (0, 1, 2, 3))
    torch.testing.assert_close(logits(strip(model, kept)), expected, atol=1e-5, rtol=0)


def test_a_row_with_a_bias_is_alive() -> None:
    model = small_bert()
    with torch.no_grad():
        model.bert.encoder.layer[0].intermediate.dense.weight[5] = 0
    assert 5 in live_units(model).rows[0]


def test_reloads_where_mctl_is_not_installed(tmp_path: Path) -> None:
    """Through trust_remote_code, in a process in which mctl cannot be imported."""
    _, stripped = pruned_pair(small_bert(), 0.5, seed=2)
    stripped.save_pretrained(tmp_path)
    copy_modeling_code(tmp_path)
    program = (
        "import sys; sys.modules['mctl'] = None\n"
        "import torch\n"
        "from transformers import AutoModelForSequenceClassification as Auto\n"
        f"model = Auto.from_pretrained({str(tmp_path)!r}, trust_remote_code=True).eval()\n"
        "assert type(model).__module__.startswith('transformers_modules'), type(model).__module__\n"
        "import io\n"
        "inputs = torch.load(io.BytesIO(sys.stdin.buffer.read()), weights_only=True)\n"
        "with torch.no_grad(): torch.save(model(**inputs).logits, sys.stdout.buffer)\n"
    )
    sent = io.BytesIO()
    torch.save(batch(), sent)
    environment = {**os.environ, "HF_MODULES_CACHE": str(tmp_path / "modules")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], input=sent.getvalue(), capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    received = torch.load(io.BytesIO(done.stdout), weights_only=True)
    assert torch.equal(received, logits(stripped))
