"""The files of a benchmark: which of them a new benchmark replaces."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mctl.errors import UserError
from mctl.report.bench_files import check_folder, write_reports
from mctl.report.bench_schema import BenchResult

OLD = Path(__file__).resolve().parents[1] / "fixtures" / "0.1.0" / "artifacts" / "bench" / "bench.json"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    write_reports(BenchResult.model_validate_json(OLD.read_bytes()), folder)
    return folder / "bench.json"


def test_a_benchmark_is_replaced_and_read(written: Path) -> None:
    check_folder(written.parent)
    result = BenchResult.model_validate_json(written.read_bytes())
    assert result.sha256 is not None
    assert result.model_copy(update={"sha256": None}) == BenchResult.model_validate_json(OLD.read_bytes())


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document["notes"].append("the fan was loud"),
        lambda document: document.update(threads=document["threads"] + 1),
        lambda document: document.update(mine="a field"),
        lambda document: document.update(sha256=None),
        lambda document: document["points"].pop(),
    ],
)
def test_an_edited_benchmark_stays(written: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(written.read_text(encoding="utf-8"))
    edit(document)
    (tmp_path / "bench.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UserError, match=r"bench\.json.*in the way"):
        check_folder(tmp_path)


def test_that_of_0_1_0_is_replaced_unless_it_has_a_field_that_was_not_there(tmp_path: Path) -> None:
    shutil.copyfile(OLD, tmp_path / "bench.json")
    check_folder(tmp_path)
    document = json.loads(OLD.read_text(encoding="utf-8"))
    for edited in ({**document, "mine": 1}, {name: part for name, part in document.items() if name != "machine"}):
        (tmp_path / "bench.json").write_text(json.dumps(edited), encoding="utf-8")
        with pytest.raises(UserError, match=r"bench\.json.*in the way"):
            check_folder(tmp_path)
