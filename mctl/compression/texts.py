"""Texts as token ids, and batches of texts of similar length."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch.utils.data import Sampler

from mctl.data.stored import Texts

_BATCH_ROWS = 500
_CUT = "cut"


@dataclass(frozen=True)
class TokenizedTexts:
    """Texts as a model takes them.

    Attributes:
        rows: a `datasets.Dataset` of token ids, and of `labels` where there are any; it lies on disk.
        cut: how many of the texts have more tokens than were kept.
    """

    rows: Any
    cut: int


def tokenized(
    tokenizer: Any,
    texts: Sequence[str],
    labels: Sequence[int] | npt.NDArray[np.int64] | None,
    max_length: int,
    folder: Path | None = None,
) -> TokenizedTexts:
    """Turns texts into token ids, some at a time: memory does not grow with the number of texts.

    Args:
        texts: the raw texts.
        labels: class numbers, one a text.
        max_length: texts are cut to this many tokens, special tokens included.
        folder: for the token ids. The file in it loses its name at once, so that the system frees it with the result,
            however the process ends. By default the system's folder for temporary files.
    """
    columns = {"text": (texts if isinstance(texts, Texts) else Texts.of(texts)).array}
    if labels is not None:
        columns["labels"] = pa.array(labels, pa.int64())
    source = datasets.Dataset(datasets.table.InMemoryTable(pa.table(columns)), fingerprint="texts")

    def tokenize(batch: Mapping[str, list[str]]) -> Mapping[str, Any]:
        encoded = tokenizer(batch["text"], truncation=True, max_length=max_length)
        return {**encoded, _CUT: _are_cut(tokenizer, batch["text"], encoded, max_length)}

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory(prefix="tokens-", dir=folder) as place:
        rows = source.map(
            tokenize,
            batched=True,
            batch_size=_BATCH_ROWS,
            writer_batch_size=_BATCH_ROWS,
            remove_columns=["text"],
            cache_file_name=str(Path(place) / "tokens.arrow"),
            load_from_cache_file=False,
            new_fingerprint="tokens",  # Otherwise the tokenizer is pickled to make one.
        )
    cut = pc.sum(rows.with_format("arrow")[:][_CUT]).as_py() or 0
    return TokenizedTexts(rows.remove_columns(_CUT), cut)


def _are_cut(tokenizer: Any, texts: Sequence[str], encoded: Any, max_length: int) -> list[bool]:
    """For each text, whether tokens of it are missing in `encoded`."""
    if encoded.encodings is not None:
        return [bool(encoding.overflowing) for encoding in encoded.encodings]
    # Tokenizers that are written in Python do not tell: those texts that fill the length are looked at again.
    return [
        len(ids) >= max_length and len(tokenizer(text, verbose=False)["input_ids"]) > max_length
        for text, ids in zip(texts, encoded["input_ids"], strict=True)
    ]


def token_lengths(rows: Any) -> npt.NDArray[np.int32]:
    """(texts,) how many tokens each text of a `datasets.Dataset` has, without reading the tokens."""
    lengths: npt.NDArray[np.int32] = pc.list_value_length(rows.with_format("arrow")[:]["input_ids"]).to_numpy()
    return lengths


class LengthGroupedBatches(Sampler[int]):
    """A random order in which neighbours have similar lengths, so that batches need little padding.

    transformers' own sampler draws from the global generator, so a run that resumes inside an epoch sees another order.
    This one depends on the seed and the epoch alone.

    Args:
        lengths: tokens of each text.
        batch_size: texts a step; groups of fifty batches are shuffled, then sorted inside.
        seed: of the order.
    """

    def __init__(self, lengths: Sequence[int] | npt.NDArray[np.int32], batch_size: int, seed: int) -> None:
        self.lengths = torch.tensor(np.asarray(lengths))
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order `__iter__` gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator)
        for group in torch.split(order, self.batch_size * 50):
            group.copy_(group[self.lengths[group].argsort(descending=True, stable=True)])
        # The longest batch comes first, so that a batch that does not fit in memory fails at once; a short one stays
        # last, since the batch sampler cuts the order every `batch_size` texts.
        whole = len(order) // self.batch_size
        batches = torch.randperm(whole, generator=generator)
        if whole:
            longest = int(np.argmax(self.lengths[order[:: self.batch_size][:whole]].numpy()))
            batches = torch.cat([torch.tensor([longest]), batches[batches != longest]])
        for batch in batches.tolist():
            yield from order[batch * self.batch_size : (batch + 1) * self.batch_size].tolist()
        yield from order[whole * self.batch_size :].tolist()
