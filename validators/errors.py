"""What the validators raise when they are handed something that cannot be judged."""

from __future__ import annotations


class ValidatorError(ValueError):
    """The input of a validator is unusable; the message says what is wrong with it."""


class ShapeError(ValidatorError):
    """Arrays have shapes, lengths or labels that do not belong together."""


class MeasurementError(ValidatorError):
    """A measurement cannot be made, or was made and gave no usable figure."""
