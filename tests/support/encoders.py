"""Tiny encoders with the kind of tokenizer that each family is published with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import small_model
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from mctl.samples.encoder import word_piece_tokenizer

_PIECES = 500
# In fairseq's order, which RoBERTa and XLM-RoBERTa have kept; the mask comes last.
_FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")
_FAIRSEQ_NAMES = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
_FAIRSEQ_NAMES |= {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
_BERT_NAMES = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
# DistilBERT and ELECTRA are often saved with a tokenizer that also makes token types; DistilBERT takes none.
_BERT_SETTINGS = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
    "mask_token": "[MASK]",
    **_BERT_NAMES,
}


def tiny_encoder(folder: Path, family: str, texts: Sequence[str], **options: Any) -> None:
    """Write an encoder with random weights and without a head, and a tokenizer for `texts`.

    Args:
        options: sizes, as `small_config` takes them.
    """
    tokenizer, settings = _tokenizer(family, texts)
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    model = small_model(family, vocab_size=tokenizer.get_vocab_size(), **options)
    model.base_model.save_pretrained(folder)


def _tokenizer(family: str, texts: Sequence[str]) -> tuple[Tokenizer, dict[str, Any]]:
    if family == "roberta":
        return _byte_level(texts), {"tokenizer_class": "RobertaTokenizer", **_FAIRSEQ_NAMES}
    if family == "xlm-roberta":
        return _unigram(texts), {"tokenizer_class": "XLMRobertaTokenizer", **_FAIRSEQ_NAMES}
    return word_piece_tokenizer(texts), _BERT_SETTINGS


def _byte_level(texts: Sequence[str]) -> Tokenizer:
    """RoBERTa's: BPE over bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_PIECES,
        special_tokens=[*_FAIRSEQ, "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def _unigram(texts: Sequence[str]) -> Tokenizer:
    """XLM-RoBERTa's: sentencepiece's Unigram."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    metaspace = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=_PIECES, special_tokens=[*_FAIRSEQ, "<mask>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer
