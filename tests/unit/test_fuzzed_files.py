"""Whatever lies in a file, its reader reads it or says what is wrong: a UserError, and nothing else."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz import JSON, mutated, with_another_value
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mctl.artifact import MANIFEST, Manifest, load_artifact
from mctl.data import load
from mctl.errors import UserError
from mctl.recipe import DataSettings, load_recipe
from mctl.recipe_file import recipe_text

ENDINGS = [".csv", ".tsv", ".jsonl", ".parquet", ".datasets.parquet"]
THOROUGH = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
TITLES = {"text": [f"बातमी {number} आज आली" for number in range(24)], "label": ["Sports", "State", "World"] * 8}


@cache
def valid(ending: str) -> bytes:
    """A small file of two columns that its reader takes."""
    rows = list(zip(TITLES["text"], TITLES["label"], strict=True))
    if ending == ".parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(TITLES), sink)
        return sink.getvalue().to_pybytes()
    if ending == ".datasets.parquet":
        sink = io.BytesIO()
        datasets.Dataset.from_dict(TITLES).class_encode_column("label").to_parquet(sink)
        return sink.getvalue()
    if ending == ".jsonl":
        return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows).encode()
    between = "\t" if ending == ".tsv" else ","
    return "".join(f"{text}{between}{label}\n" for text, label in [("text", "label"), *rows]).encode()


def manifest() -> dict[str, Any]:
    """Of an export, with the facts that an export has."""
    facts = {
        "precision": "fp16", "provider": "cuda", "graph": {"fusions": {"Attention": 2}}, "bytes": 9, "fp32_bytes": 9,
        "layout": {"heads": [4, 4], "ffn": [64, 64]}, "inputs": ["input_ids"], "outputs": ["logits"],
        "parameters": {"total": 9, "encoder": 8, "encoder_weights": 8, "embeddings": 1}, "max_length": 24,
        "conversion": {"fp16_initializer_share": 1.0, "kept_fp32": []},
    }  # fmt: skip
    fields = {
        "kind": "export", "name": "one", "key": "k", "created": "2026-01-01T00:00:00+00:00", "facts": facts,
        "parents": [{"name": "teacher", "manifest_sha256": "0" * 64}], "recipe": {"compress": {"prune": 25.0}},
    }  # fmt: skip
    return Manifest.model_validate(fields).digested().model_dump(mode="json")


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_valid_files_are_valid(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{ending}"
    path.write_bytes(valid(ending))
    assert sum(map(len, load(DataSettings(source=str(path))).splits.values())) == 24


def test_the_valid_manifest_is_valid(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps(manifest()), encoding="utf-8")
    assert load_artifact(tmp_path).manifest.kind == "export"


@pytest.mark.parametrize("ending", ENDINGS)
@THOROUGH
@given(data=st.data())
def test_data(ending: str, data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / f"rows{ending}"
    path.write_bytes(data.draw(mutated(valid(ending)) | st.binary(max_size=200)))
    with suppress(UserError):
        load(DataSettings(source=str(path)))


@THOROUGH
@given(rows=st.lists(JSON | with_another_value({"text": "बातमी", "label": "Sports"}), min_size=1, max_size=30))
def test_json_lines_of_anything(rows: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with suppress(UserError):
        load(DataSettings(source=str(path)))


@THOROUGH
@given(content=mutated(recipe_text({}).encode()) | mutated(b'[compress]\nprune = 25\ndistill = ["logits"]\n'))
@example(content=b"epochs = " + b"[" * 5000)
@example(content=b"epochs = " + b"{a=" * 5000)
@example(content=b"epochs = " + b"9" * 5000)
def test_recipe(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mctl.toml"
    path.write_bytes(content)
    with suppress(UserError):
        load_recipe(path)


@THOROUGH
@given(content=with_another_value(manifest()))
def test_manifest_that_vouches_for_itself(content: Any, tmp_path: Path) -> None:
    """Its digest fits, so that what it says is looked at."""
    with suppress(ValueError):
        content = json.loads(Manifest.model_validate(content).digested().model_dump_json())
    (tmp_path / MANIFEST).write_text(json.dumps(content), encoding="utf-8")
    with suppress(UserError):
        load_artifact(tmp_path)


@THOROUGH
@given(content=mutated(json.dumps(manifest()).encode()))
def test_manifest_of_other_bytes(content: bytes, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with suppress(UserError):
        load_artifact(tmp_path)
