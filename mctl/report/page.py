"""A validation as one HTML page: no script, nothing from a network, every text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from mctl.report.check_rows import CheckRow, check_rows
from mctl.report.key_figures import gain_or_loss, key_figures
from mctl.report.pictures import IntervalPicture, interval_picture, latency_picture
from mctl.report.plain import number, plain
from mctl.report.reason import reason_of
from mctl.report.rows import MAKING_COLUMNS, ROLES, making_rows, model_rows
from mctl.report.schema import ValidationResult


class _Drawn(NamedTuple):
    """A check with its drawing, if there is one."""

    row: CheckRow
    picture: IntervalPicture | None


class ChangedCell(NamedTuple):
    """A cell of the confusion: texts of the baseline and of the export, and whether a change of it is good."""

    before: int
    after: int
    kind: str

    @property
    def change(self) -> int:
        """How many texts more the export has here."""
        return self.after - self.before


def page(result: ValidationResult) -> str:
    """The document.

    Whatever the user's data hold stays text: the template escapes everything, and the page's own policy forbids
    scripts, images from elsewhere and connections.
    """
    members = [result.participants[role] for role in ROLES if role in result.participants]
    return (
        _environment()
        .get_template("validation.html.j2")
        .render(
            result=result,
            reason=reason_of(result),
            figures=key_figures(result),
            checks=_drawn(result),
            roles=ROLES,
            members=members,
            rows=model_rows(members),
            making_columns=MAKING_COLUMNS,
            making=making_rows(result.making) if result.making else [],
            latency=latency_picture(result.comparison.latency_ms, ROLES) if result.comparison else None,
            confusion=confusion_changes(result),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mctl.report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "plain": plain,
        "shade": _shade,
        "shade_of_0_1_0": _shade_of_0_1_0,
        "gain_or_loss": gain_or_loss,
    }
    return environment


def page_of_0_1_0(result: ValidationResult, picture: str) -> str:
    """The document that version 0.1.0 wrote from this result; it bears no sign, so it is known by its content.

    Args:
        picture: of the latencies, as SVG.
    """
    members = [result.participants[role] for role in ROLES]
    return (
        _environment()
        .get_template("validation_0_1_0.html.j2")
        .render(
            result=result,
            roles=ROLES,
            members=members,
            rows=model_rows(members),
            making_columns=MAKING_COLUMNS,
            making=making_rows(result.making) if result.making else [],
            latency_picture=picture,
        )
    )


def confusion_changes(result: ValidationResult) -> list[list[ChangedCell]]:
    """The confusion of the export against that of the baseline, cell by cell; empty where one was not counted."""
    if not {"export", "baseline"} <= result.participants.keys():
        return []
    before, after = (result.participants[role].confusion for role in ("baseline", "export"))
    if before is None or after is None:
        return []
    return [
        [
            ChangedCell(old, new, _kind(new - old, row == column))
            for column, (old, new) in enumerate(zip(*rows, strict=True))
        ]
        for row, rows in enumerate(zip(before, after, strict=True))
    ]


def _kind(change: int, right: bool) -> str:
    """More texts are good on the diagonal, where the model says what the author said, and bad elsewhere."""
    return "same" if not change else "better" if (change > 0) == right else "worse"


def _drawn(result: ValidationResult) -> list[_Drawn]:
    pictures = [interval_picture(check, result.comparison) for check in result.checks] or [None]
    return [_Drawn(row, picture) for row, picture in zip(check_rows(result), pictures, strict=True)]


def _shade(row: Sequence[int], column: int) -> str:
    """Opacity of a cell of a confusion matrix: its share of the texts of its row."""
    return f"{0.7 * row[column] / max(sum(row), 1):.2f}"


def _shade_of_0_1_0(row: Sequence[int], column: int) -> str:
    return f"{row[column] / max(sum(row), 1):.2f}"
