"""`[gate]` as the validators' thresholds."""

from __future__ import annotations

from typing import Any

from mctl.recipe import GateSettings


def thresholds(settings: GateSettings) -> Any:
    """Thresholds of the gate; what is not set keeps the validators' default for its precision."""
    from mctl.validators.gate import Thresholds

    default = Thresholds()
    by_precision = {}
    for name in ("max_logit_diff", "min_label_agreement"):
        asked = getattr(settings, name)
        known = getattr(default, name)
        by_precision[name] = known if asked is None else dict.fromkeys(known, asked)
    return Thresholds(
        **by_precision,
        max_accuracy_drop_points=settings.max_accuracy_drop,
        max_macro_f1_drop_points=settings.max_macro_f1_drop,
        max_slice_drop_points=settings.max_slice_drop,
        min_speedup=settings.min_speedup,
        max_p95_ms=settings.max_p95_ms,
        max_gco2e_per_1000_texts=settings.max_gco2e_per_1000_texts,
        max_slowdown=settings.max_slowdown,
        max_growth=settings.max_growth,
    )
