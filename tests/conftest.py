"""Small real models: a BERT whose logits differ between texts, so that a wrong weight shows."""

from __future__ import annotations

import os

# Before any library reads them: tests must not reach for a network, and must not use more threads than they need.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
