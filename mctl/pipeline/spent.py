"""What making an export took, by the manifests of its lineage, and when that is repaid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from mctl.artifact import Artifact
from mctl.pipeline.lineage import Lineage
from mctl.report.schema import BreakEven as BreakEvenResult
from mctl.report.schema import Making, MakingStage

if TYPE_CHECKING:
    from mctl.validators.break_even import BreakEven
    from mctl.validators.emissions import EmissionsResult

_SUMMED = ("country_name", "hardware")


def making_of(stages: Sequence[Artifact]) -> Making | None:
    """Energy of these stages, each and together, as far as they noted it; None if none did."""
    noted = [artifact.manifest.facts["making"] for artifact in stages if artifact.manifest.facts.get("making")]
    if not noted:
        return None
    each = [_stage(artifact) for artifact in stages]
    known = [stage for stage in each if stage.kwh is not None]
    country, hardware = ("; ".join(dict.fromkeys(str(one[name]) for one in noted)) for name in _SUMMED)
    return Making(
        kwh=sum(stage.kwh or 0.0 for stage in known),
        gco2e=sum(stage.gco2e or 0.0 for stage in known),
        source="measured" if all(stage.source == "measured" for stage in known) else "estimated",
        country_name=country,
        hardware=hardware,
        stages=each,
        unknown=[stage.artifact for stage in each if stage.kwh is None],
    )


def repaid(lineage: Lineage, emissions: Mapping[str, EmissionsResult]) -> tuple[Making, BreakEven] | None:
    """What was spent on the export, and when it has repaid that; None where making or inference is not known at all.

    The baseline's training is not among it: who compresses has a teacher already.
    """
    from mctl.validators.break_even import break_even

    spent = making_of(lineage.made_of_baseline())
    if spent is None or "export" not in emissions:
        return None
    return spent, break_even(spent.kwh, emissions["baseline"], emissions["export"])


def repaid_result(lineage: Lineage, emissions: Mapping[str, EmissionsResult]) -> BreakEvenResult | None:
    """The same as the schema has it."""
    found = repaid(lineage, emissions)
    if found is None:
        return None
    spent, texts = found
    figures = {name: value if math.isfinite(value) else None for name, value in asdict(texts).items()}
    return BreakEvenResult(**figures, making_kwh=spent.kwh, unknown=spent.unknown)


def _stage(artifact: Artifact) -> MakingStage:
    noted = artifact.manifest.facts.get("making") or {}
    fields = {name: noted.get(name) for name in ("kwh", "gco2e", "source")}
    return MakingStage(
        artifact=artifact.name, kind=artifact.manifest.kind, **fields, sources=noted.get("sources") or {}
    )
