"""mctl: from a fine-tuned Transformers classifier to a smaller, faster artifact that is proven good enough to release."""

__version__ = "0.1.0"
