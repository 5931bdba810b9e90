"""Small files of rows, written as the formats' own libraries write them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Row = tuple[str, str]
Write = Callable[[str, Iterable[Row]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows of (text, label) to a file below tmp_path, in the format of its ending."""

    def write_rows(name: str, rows: Iterable[Row], header: Row = ("text", "label")) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table = list(rows)
        if path.suffix == ".parquet":
            pq.write_table(pa.table({header[0]: [t for t, _ in table], header[1]: [c for _, c in table]}), path)
        elif path.suffix == ".jsonl":
            lines = (json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in table)
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
                writer.writerows([header, *table])
        return path

    return write_rows


@pytest.fixture
def two_classes() -> list[Row]:
    """20 distinct texts in each of two classes."""
    return [(f"{word} क्रमांक {i}", label) for label, word in (("Sports", "सामना"), ("Tech", "फोन")) for i in range(20)]
