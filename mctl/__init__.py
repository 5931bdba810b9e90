"""mctl: from a fine-tuned Transformers classifier to a smaller, faster artifact that is proven fit to release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mctl.compression.registration import register_when_asked

if TYPE_CHECKING:
    from mctl.pipeline.predict import load

__version__ = "0.1.0"
__all__ = ["load"]

register_when_asked()


def __getattr__(name: str) -> Any:
    """`mctl.load`, imported on first use: `mctl --help` does without numpy."""
    if name == "load":
        from mctl.pipeline.predict import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
