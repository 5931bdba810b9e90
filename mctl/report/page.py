"""A validation as one HTML page: no script, nothing from a network, every text escaped."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from mctl.report.check_rows import check_rows
from mctl.report.plain import number, plain
from mctl.report.rows import MAKING_COLUMNS, ROLES, making_rows, model_rows
from mctl.report.schema import Role, ValidationResult

_COLOURS = {"baseline": "#7a7a7a", "source": "#c98a00", "export": "#1f6fb2"}


def page(result: ValidationResult) -> str:
    """The document.

    Whatever the user's data hold stays text: the template escapes everything, and the page's own policy forbids
    scripts, images from elsewhere and connections.
    """
    environment = Environment(
        loader=PackageLoader("mctl.report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "plain": plain, "shade": _shade}
    members = [result.participants[role] for role in ROLES if role in result.participants]
    latency = result.comparison.latency_ms if result.comparison else {}
    return environment.get_template("validation.html.j2").render(
        result=result,
        checks=check_rows(result),
        roles=ROLES,
        members=members,
        rows=model_rows(members),
        making_columns=MAKING_COLUMNS,
        making=making_rows(result.making) if result.making else [],
        latency_picture=_latency_picture(latency) if latency else "",
    )


def _shade(row: Sequence[int], column: int) -> str:
    """Opacity of a cell of a confusion matrix: its share of the texts of its row."""
    return f"{row[column] / max(sum(row), 1):.2f}"


def _latency_picture(samples: Mapping[Role, Sequence[float]]) -> str:
    """Share of calls that were answered within a time, a line a model, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axis = figure.subplots()
    for role, times in samples.items():
        axis.ecdf(times, label=role, color=_COLOURS[role])
    axis.set_xscale("log")
    axis.set_xlabel("ms a call")
    axis.set_ylabel("share of calls")
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    content = io.StringIO()
    # With a fixed salt the same result gives the same page.
    with matplotlib.rc_context({"svg.hashsalt": "mctl"}):
        figure.savefig(content, format="svg", metadata={"Date": None})
    drawn = content.getvalue()
    return drawn[drawn.index("<svg") :]
