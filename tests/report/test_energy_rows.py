"""Energy of inference and of making, as the reports show it."""

from __future__ import annotations

import io
import json

from results import result_with
from rich.console import Console

from mctl.report.card import export_card
from mctl.report.page import page
from mctl.report.rows import making_rows, model_rows
from mctl.report.schema import ValidationResult
from mctl.report.summary import summary
from mctl.report.terminal import show

ESTIMATED = {"cpu": "estimated from TDP", "ram": "estimated from size"}


def rows_of(emissions: dict[str, object]) -> dict[str, str]:
    member = result_with("x").participants["export"].model_copy(update={"emissions": emissions})
    return {label.strip(): cell for label, (cell,) in model_rows([member])}


def test_energy_net_of_idle_stands_above_what_the_meter_showed() -> None:
    net = {"kwh_per_1000_texts": 1e-5, "gco2e_per_1000_texts": 0.007, "idle_w": {"cpu": 12.0, "gpu": 30.0}}
    sources = {"cpu": "RAPL", "gpu": "NVML", "ram": "estimated from size"}
    found = rows_of({"kwh_per_1000_texts": 2e-5, "gco2e_per_1000_texts": 0.014, "net": net, "sources": sources})
    assert (found["Wh per 1,000 texts"], found["with idle, Wh"], found["idle, W"]) == ("0.01", "0.02", "42")
    assert found["gCO2e per 1,000 texts"] == "0.007"
    assert found["source of energy"] == "CPU RAPL, GPU NVML"


def test_without_counters_there_is_no_row_of_idle_power() -> None:
    found = rows_of({"kwh_per_1000_texts": 2e-5, "gco2e_per_1000_texts": 0.014, "net": None, "sources": ESTIMATED})
    assert "idle, W" not in found
    assert found["source of energy"] == "CPU estimated from TDP"


def test_results_from_before_components_had_names_are_shown_as_they_were() -> None:
    old = result_with("news").model_dump()
    for name in ("stages", "unknown"):
        del old["making"][name]
    del old["break_even"]
    read = ValidationResult.model_validate_json(json.dumps(old))
    assert dict(model_rows([read.participants["export"]]))["  source of energy"] == ["estimated"]
    assert making_rows(read.making) == [["all", "", "500", "300", "estimated"]]
    assert "Energy of making" in page(read)


def test_every_report_shows_what_each_stage_took_and_which_is_not_known() -> None:
    result = result_with("news")
    screen = io.StringIO()
    show(result, Console(file=screen, width=200), verbose=True)
    for report in (screen.getvalue(), summary(result), page(result)):
        assert "all that is known" in report
        assert "CPU news" in report
    assert "without news, of which nothing is known" in export_card(result)
    assert making_rows(result.making)[0] == ["news", "teacher", "-", "-", "-"]
