"""The embedded sample: synthetic Marathi headlines and a tiny encoder with random weights.

Both are made on the spot from a seed, with no network. Nothing here is news or a trained model: a figure measured on
the sample shows that a chain works, and nothing about real texts.
"""

from __future__ import annotations

from mctl.samples.encoder import tiny_model
from mctl.samples.generator import TOPICS, headline_stream, headlines, write_csv

__all__ = ["TOPICS", "headline_stream", "headlines", "tiny_model", "write_csv"]
