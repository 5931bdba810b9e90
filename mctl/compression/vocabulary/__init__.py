"""Trimming a vocabulary: four fifths of a multilingual encoder are embeddings of pieces that one language never shows.

    from mctl.compression.vocabulary import trim, usage_of

    trimmed = trim(model, tokenizer, usage_of(tokenizer, texts), spare=15_000)
    trimmed.model, trimmed.tokenizer, trimmed.report

The idea is that of Abdaoui et al. 2020, "Load What You Need" (arXiv 2010.05609), who cut WordPiece vocabularies of
multilingual BERT down to one language's. Here the tokens of given texts are guaranteed to stay as they were.
"""

from __future__ import annotations

from mctl.compression.vocabulary.errors import CannotTrimError
from mctl.compression.vocabulary.trimming import Report, Trimmed, changed_texts, trim, usage_of
from mctl.compression.vocabulary.usage import Usage

__all__ = ["CannotTrimError", "Report", "Trimmed", "Usage", "changed_texts", "trim", "usage_of"]
