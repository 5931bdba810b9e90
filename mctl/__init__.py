"""mctl: from a fine-tuned Transformers classifier to a smaller, faster artifact that is proven fit to release."""

from mctl.compression.registration import register_when_asked

__version__ = "0.1.0"

register_when_asked()
