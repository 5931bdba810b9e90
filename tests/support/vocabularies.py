"""Small random vocabularies of all kinds, as transformers tokenizers.

The alphabet is four letters, so that pieces overlap in every way there is; "z" has no piece of its own anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

LETTERS = "abcé"
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))

words = st.text(LETTERS, min_size=1, max_size=7)
long_pieces = st.lists(st.text(LETTERS, min_size=2, max_size=4), max_size=14, unique=True)
letters = st.lists(st.sampled_from(LETTERS), min_size=2, unique=True)
"""Those that have a piece of their own."""


def texts(alphabet: str = LETTERS + "z") -> st.SearchStrategy[str]:
    """Words between spaces, and now and then a special token."""
    word = st.text(alphabet, min_size=1, max_size=8) | st.just("<mask>")
    return st.lists(word, max_size=5).map(" ".join)


def wrapped(tokenizer: Tokenizer, **settings: Any) -> PreTrainedTokenizerFast:
    """A transformers tokenizer that puts <s> and </s> around texts."""
    tokenizer.add_special_tokens(list(SPECIAL))
    ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ids
    )
    names = dict(zip(("bos", "pad", "eos", "unk", "mask"), SPECIAL, strict=True)) | {"cls": "<s>", "sep": "</s>"}
    special = {f"{name}_token": token for name, token in names.items()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **special, **settings)


def word_piece(pieces: Sequence[str], cleanup: bool = True) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer that cuts at white space."""
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys((*SPECIAL, *pieces)))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>", max_input_chars_per_word=100))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=cleanup)
    return wrapped(tokenizer)


def unigram(scores: dict[str, float], byte_fallback: bool = False) -> PreTrainedTokenizerFast:
    """A Unigram tokenizer in the manner of XLM-RoBERTa."""
    vocabulary = [*((piece, 0.0) for piece in SPECIAL), *scores.items()]
    if byte_fallback:
        vocabulary += [(piece, -3.0) for piece in BYTES]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=byte_fallback))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    parts = [decoders.ByteFallback(), decoders.Metaspace()] if byte_fallback else [decoders.Metaspace()]
    tokenizer.decoder = decoders.Sequence(parts)
    return wrapped(tokenizer)


def byte_pairs(
    symbols: Sequence[str], merges: Sequence[tuple[str, str]], form: str, ignore_merges: bool = False
) -> PreTrainedTokenizerFast:
    """A BPE tokenizer.

    Args:
        symbols: what words begin as.
        merges: first to last; parts that are there, or that come about before.
        form: "bytes" as RoBERTa's; "characters" with bytes as fall-back, as SentencePiece's; "affixes" with marks on
            later symbols and at the end of a word.
    """
    prefix = "##" if form == "affixes" else ""
    pieces = [*SPECIAL, *symbols, *(BYTES if form == "characters" else ())]
    pieces += [left + right.removeprefix(prefix) for left, right in merges]
    options: dict[str, Any] = {"byte_fallback": form == "characters", "ignore_merges": ignore_merges}
    if form == "affixes":
        options |= {"continuing_subword_prefix": "##", "end_of_word_suffix": "$"}
    model = models.BPE(
        {piece: number for number, piece in enumerate(dict.fromkeys(pieces))},
        list(dict.fromkeys(merges)),
        unk_token=None if form == "bytes" else "<unk>",
        **options,
    )
    tokenizer = Tokenizer(model)
    if form == "bytes":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
    elif form == "characters":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.decoder = decoders.Sequence([decoders.Replace("##", ""), decoders.BPEDecoder(suffix="$")])
    return wrapped(tokenizer)


@st.composite
def word_pieces(draw: st.DrawFn) -> PreTrainedTokenizerFast:
    """Some with a piece for each letter both at the beginning of a word and within, some with gaps."""
    complete = draw(st.booleans())
    own = set(LETTERS) if complete else set(draw(letters))
    later = set(LETTERS) if complete else set(draw(letters))
    longer = draw(long_pieces)
    marked = [("##" if draw(st.booleans()) else "") + piece for piece in longer]
    return word_piece([*sorted(own), *(f"##{letter}" for letter in sorted(later)), *marked])


@st.composite
def unigrams(draw: st.DrawFn) -> PreTrainedTokenizerFast:
    """Scores come from a few whole numbers, so that there are ties, and some are far below the others."""
    score = st.sampled_from([-1.0, -2.0, -3.0, -4.0, -12.0, -25.0])
    pieces = ["▁", *draw(letters), *draw(long_pieces), *(f"▁{piece}" for piece in draw(long_pieces))]
    return unigram({piece: draw(score) for piece in dict.fromkeys(pieces)}, draw(st.booleans()))


@st.composite
def byte_pair_encodings(draw: st.DrawFn) -> PreTrainedTokenizerFast:
    """Merges of whatever is there, several of them with one result among them."""
    form = draw(st.sampled_from(["bytes", "characters", "affixes"]))
    if form == "bytes":
        symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
        first = [*"abc", "Ã", "©", "Ġ"]
    elif form == "characters":
        symbols = first = ["▁", *draw(letters)]
    else:
        marks = [(mark, end) for mark in ("", "##") for end in ("", "$")]
        symbols = first = [f"{mark}{letter}{end}" for letter in draw(letters) for mark, end in marks]
    there, merges = list(first), []
    for _ in range(draw(st.integers(0, 14))):
        left = draw(st.sampled_from([piece for piece in there if not piece.endswith("$")]))
        rights = [piece for piece in there if form != "affixes" or piece.startswith("##")]
        right = draw(st.sampled_from(rights))
        merges.append((left, right))
        there.append(left + (right.removeprefix("##") if form == "affixes" else right))
    return byte_pairs(symbols, merges, form, draw(st.booleans()))


KINDS: dict[str, st.SearchStrategy[Any]] = {
    "WordPiece": word_pieces(),
    "Unigram": unigrams(),
    "BPE": byte_pair_encodings(),
}
