"""How the prune level grows while training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CubicSchedule:
    """The cubic ramp of gradual pruning: fast while much is redundant, slow near the end.

    `level(t) = final * (1 - (1 - t)^3)` with t running 0..1 between the warm-up and the end of the ramp, and `final`
    after it (Zhu & Gupta 2017, arXiv 1710.01878, equation 1; used for movement pruning in arXiv 2005.07683, section 5).

    Attributes:
        final: share of the weights to mask in the end, 0..1.
        warmup_steps: optimizer steps without masks, in which scores already learn.
        ramp_steps: optimizer steps of the ramp.
    """

    final: float
    warmup_steps: int
    ramp_steps: int

    def level(self, step: int) -> float:
        """The share to mask at optimizer step `step`, counted from 0."""
        if self.ramp_steps <= 0:
            return self.final if step >= self.warmup_steps else 0.0
        progress = min(max((step - self.warmup_steps) / self.ramp_steps, 0.0), 1.0)
        return self.final * (1 - (1 - progress) ** 3)
