"""Tokenizers on disk, in a form that every supported transformers reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# transformers 5 writes its own name for a tokenizer that is tokenizer.json and nothing else; transformers 4 does not
# know it, and both know the old one.
NEW_CLASS, _OLD = "TokenizersBackend", "PreTrainedTokenizerFast"


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write a tokenizer into an artifact."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    changed = dict(config)
    if config.get("tokenizer_class") == NEW_CLASS:
        changed["tokenizer_class"] = _OLD
    if isinstance(config.get("extra_special_tokens"), list):
        # transformers 4 knows them under another name, which both read.
        changed["additional_special_tokens"] = changed.pop("extra_special_tokens")
    if changed != config:
        path.write_text(json.dumps(changed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
