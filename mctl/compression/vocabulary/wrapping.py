"""A transformers tokenizer around a `tokenizers.Tokenizer`, with the settings of another one."""

from __future__ import annotations

import json
from typing import Any

from transformers import PreTrainedTokenizerFast

# What classes set by themselves, and the plain class does not.
_ATTRIBUTES = (
    "clean_up_tokenization_spaces",
    "model_input_names",
    "model_max_length",
    "name_or_path",
    "padding_side",
    "split_special_tokens",
    "truncation_side",
)


def wrapped(backend: Any, like: Any) -> Any:
    """The plain fast tokenizer of transformers around `backend`.

    A class of its own (BertTokenizer, XLMRobertaTokenizer) would build parts of `tokenizer.json` anew when it is
    loaded, transformers 5 even with fixed ids, and transformers 4 would save the old vocabulary beside it. The plain
    class takes the file as it is.

    Args:
        backend: a `tokenizers.Tokenizer`.
        like: a fast transformers tokenizer, whose special tokens and settings are taken over.
    """
    named = {name: token for name, token in like.special_tokens_map.items() if isinstance(token, str)}
    settings = {name: getattr(like, name) for name in _ATTRIBUTES} | named
    others = [token for token in like.all_special_tokens if token not in named.values()]
    if others:
        settings["additional_special_tokens"] = others
    cutting = json.loads(backend.to_str())["pre_tokenizer"] or {}
    if "add_prefix_space" in cutting:  # transformers 4 would write its own default over that of tokenizer.json.
        settings["add_prefix_space"] = cutting["add_prefix_space"]
    return PreTrainedTokenizerFast(tokenizer_object=backend, **settings)
