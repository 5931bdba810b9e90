"""What two data sets must share to be the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from mctl.data.dataset import SPLIT_NAMES, Split, SplitName


def fingerprint(splits: Mapping[SplitName, Split]) -> str:
    """SHA-256 (hex) over the sorted rows of each split: the same rows give the same value in any order.

    Rows are sorted by label, then by text, character by character: Arrow compares bytes, and UTF-8's bytes sort as
    the characters do. Cleaned texts and labels hold no control characters, so the separators below cannot occur.
    """
    digest = hashlib.sha256()
    for name in SPLIT_NAMES:
        split = splits[name]
        digest.update(f"{name}\x1d".encode())
        table = pa.table({"label": split.codes, "text": split.texts.array})
        order = pc.sort_indices(table, [("label", "ascending"), ("text", "ascending")]).to_numpy()
        start = 0
        for texts in split.texts.picked(order):
            labels = [split.names[code] for code in split.codes[order[start : start + len(texts)]]]
            rows = (f"{label}\x1f{text}\x1e" for label, text in zip(labels, texts.to_pylist(), strict=True))
            digest.update("".join(rows).encode())
            start += len(texts)
    return digest.hexdigest()
