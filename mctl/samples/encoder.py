"""A tiny BERT classifier with random weights and a WordPiece tokenizer for the given texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mctl.samples.generator import TOPICS

VOCABULARY_SIZE = 2000
_LONGEST = 128
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Written out because transformers 5 would save a class name that 4.57 does not know, and because the two differ in
# which inputs they take for granted.
_TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "model_max_length": _LONGEST,
    "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
    "unk_token": "[UNK]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
_CARD = """---
license: apache-2.0
tags: [synthetic, random-weights]
---
# Tiny encoder, not trained

Made by `mctl.samples.tiny_model`: a BERT of 4 layers, 4 heads and hidden size 128 with **random weights**, and a
WordPiece tokenizer trained on synthetic text. It knows nothing. It exists so that a chain can be tried without a
network.
"""


def tiny_model(folder: Path, texts: Iterable[str], seed: int, class_names: Sequence[str] = tuple(TOPICS)) -> None:
    """Writes a folder that `AutoModelForSequenceClassification` and `AutoTokenizer` load.

    The model is `BertForSequenceClassification` with 4 layers, 4 heads, hidden size 128, intermediate size 512, at most
    128 positions and at most 2000 word pieces; its weights are random and depend on the seed alone.

    Args:
        folder: made if need be; model.safetensors, config.json, tokenizer files and a README.md are written there.
        texts: what the word pieces are learnt from.
        seed: of the weights.
        class_names: labels of the (untrained) head, in the order of their ids.
    """
    tokenizer = word_piece_tokenizer(texts)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(_TOKENIZER_CONFIG, indent=2), encoding="utf-8")
    random_bert(tokenizer.get_vocab_size(), seed, class_names).save_pretrained(folder)
    (folder / "README.md").write_text(_CARD, encoding="utf-8")


def word_piece_tokenizer(texts: Iterable[str]) -> Any:
    """Trains a `tokenizers.Tokenizer` of at most 2000 word pieces; the same texts always give the same one.

    Texts are brought to NFC and nothing else: BERT's own normalizer would strip accents, and with them the vowel signs
    of Devanagari, when it lowers case, and drops the joiners U+200C and U+200D when it cleans.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece(_word_pieces(list(texts)), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, _SPECIAL.index(token)) for token in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def _word_pieces(texts: Sequence[str]) -> dict[str, int]:
    """Trains the pieces: ids by piece, the special tokens first.

    The trainer numbers the pieces of one continuing character ("##a") in the order of a hash table, and breaks ties by
    number, so two runs would differ. Naming these pieces beforehand, as special tokens of a throw-away tokenizer, is
    the way it offers to fix their numbers.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.NFC()
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words = {
        word
        for text in texts
        for word, _ in trained.pre_tokenizer.pre_tokenize_str(trained.normalizer.normalize_str(text))
    }
    continuing = [f"##{char}" for char in sorted({char for word in words for char in word[1:]})]
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY_SIZE, special_tokens=[*_SPECIAL, *continuing], show_progress=False
    )
    trained.train_from_iterator(texts, trainer)
    pieces: dict[str, int] = trained.get_vocab()
    return pieces


def random_bert(vocabulary_size: int, seed: int, class_names: Sequence[str]) -> Any:
    """A `BertForSequenceClassification` with weights drawn from `seed`; the global random state is left as it was."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=512,
        max_position_embeddings=_LONGEST,
        id2label=dict(enumerate(class_names)),
        label2id={name: number for number, name in enumerate(class_names)},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertForSequenceClassification(config)
