from __future__ import annotations

import logging
import math
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import codecarbon.core.cpu
import codecarbon.core.rapl
import codecarbon.core.resource_tracker
import codecarbon.external.hardware
import codecarbon.lock
import pytest
from codecarbon.core import hardware_cache
from codecarbon.core.gpu_nvidia import NvidiaGPUDevice
from codecarbon.core.units import Energy

from mctl.validators.break_even import break_even
from mctl.validators.charge import metered
from mctl.validators.counters import counters
from mctl.validators.emissions import Net, measure, measure_in_turn
from mctl.validators.errors import MeasurementError

JOULES_PER_KWH = 3.6e6


def busy(seconds=0.02, texts=5):
    def run():
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            math.factorial(200)
        return texts

    return run


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Work in an empty folder, with another for temporary files."""
    for name in ("here", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path


def test_figures_hang_together():
    starts = []
    result = measure(lambda: starts.append(time.perf_counter()) or busy()(), minimum_seconds=0.3)
    assert result.seconds >= 0.3 > starts[-1] - starts[0]
    assert (result.runs, result.texts) == (len(starts), 5 * len(starts))
    kwh = result.cpu_kwh + result.gpu_kwh + result.ram_kwh
    assert result.kwh_per_1000_texts == pytest.approx(1000 * kwh / result.texts)
    assert result.gco2e_per_1000_texts == pytest.approx(result.kwh_per_1000_texts * result.gco2e_per_kwh)
    # No machine that runs this draws less than a tenth of a watt or more than ten kilowatts.
    assert 0.1 < kwh * JOULES_PER_KWH / result.seconds < 10_000
    assert 0.0 <= result.measured_share <= 1.0
    assert "RAM" in result.hardware


def test_country_decides_emissions_and_is_named():
    india = measure(busy(), minimum_seconds=0.1)
    norway = measure(busy(), country_iso_code="nor", minimum_seconds=0.1)
    assert (india.country_iso_code, india.country_name) == ("IND", "India")
    assert (norway.country_iso_code, norway.country_name) == ("NOR", "Norway")
    assert india.gco2e_per_kwh > 500 > 100 > norway.gco2e_per_kwh > 0


def test_nothing_is_written_sent_or_said_whatever_codecarbon_is_configured_to_do(elsewhere, monkeypatch, capfd):
    def refuse(*_):
        reached.append("network")
        raise OSError("no network")

    reached: list[str] = []
    unconfigured = measure(busy(), minimum_seconds=0.3)
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for key, value in {
        "ELECTRICITYMAPS_API_TOKEN": "token",
        "CO2_SIGNAL_API_TOKEN": "token",
        "EMISSIONS_ENDPOINT": "http://127.0.0.1:9/emissions",
        "SAVE_TO_FILE": "true",
        "SAVE_TO_API": "true",
        "OUTPUT_METHODS": "csv,api",
        "OUTPUT_DIR": "/nowhere",
        "ALLOW_MULTIPLE_RUNS": "false",
        "REGION": "california",
        "CLOUD_PROVIDER": "gcp",
        "CLOUD_REGION": "us-east1",
        "LOG_LEVEL": "debug",
        "PUE": "3",
    }.items():
        monkeypatch.setenv(f"CODECARBON_{key}", value)
    lock = elsewhere / "temporary" / ".codecarbon.lock"
    monkeypatch.setattr(codecarbon.lock, "LOCKFILE", str(lock))
    result = measure(busy(), minimum_seconds=0.3)
    assert result.country_name == "India"
    assert result.ram_kwh / result.seconds == pytest.approx(unconfigured.ram_kwh / unconfigured.seconds, rel=0.5)
    assert reached == []
    assert list((elsewhere / "here").iterdir()) == []
    assert list((elsewhere / "temporary").iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_works_beside_another_tracker_that_holds_the_lock(elsewhere, monkeypatch):
    lock = elsewhere / "lock"
    lock.touch()
    monkeypatch.setattr(codecarbon.lock, "LOCKFILE", str(lock))
    assert measure(busy(), minimum_seconds=0.1).kwh_per_1000_texts > 0
    assert lock.exists()


def test_two_at_once_both_work_and_leave_logging_as_it_was(capfd):
    logger = logging.getLogger("codecarbon")
    own = logging.StreamHandler()
    logger.addHandler(own)
    before = (logger.level, list(logger.handlers), list(logger.filters), logger.propagate)
    try:
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(measure, busy(), minimum_seconds=seconds) for seconds in (0.1, 0.25)]
        assert all(future.result().kwh_per_1000_texts > 0 for future in futures)
        assert (logger.level, logger.handlers, logger.filters, logger.propagate) == before
    finally:
        logger.removeHandler(own)
    assert capfd.readouterr().err == ""


def test_failing_run_ends_the_tracking(elsewhere):
    def fail():
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        measure(fail, minimum_seconds=0.1)
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer) and alive(thread)]
    assert logging.getLogger("codecarbon").filters == []
    assert list((elsewhere / "temporary").iterdir()) == []


def alive(timer):
    timer.join(timeout=2)
    return timer.is_alive()


def test_tracker_that_breaks_is_an_error_with_its_cause(monkeypatch):
    def broken(_):
        raise PermissionError("energy_uj may not be read")

    monkeypatch.setattr(codecarbon.core.resource_tracker.ResourceTracker, "set_CPU_GPU_ram_tracking", broken)
    with pytest.raises(MeasurementError, match="energy_uj may not be read"):
        measure(busy(), minimum_seconds=0.05)


@pytest.fixture
def counter(tmp_path, monkeypatch):
    """A RAPL tree of one processor package, and CodeCarbon looking there; returns the file of its counter."""
    domain = tmp_path / "powercap" / "intel-rapl" / "intel-rapl:0"
    domain.mkdir(parents=True)
    for name, content in {"name": "package-0", "energy_uj": "1000000", "max_energy_range_uj": "262143328850"}.items():
        (domain / name).write_text(content)
    root, real = str(domain.parent.parent), codecarbon.core.cpu.IntelRAPL
    monkeypatch.setattr(codecarbon.core.cpu, "is_rapl_available", lambda: True)
    monkeypatch.setattr(codecarbon.external.hardware, "IntelRAPL", lambda rapl_dir, **more: real(rapl_dir=root, **more))
    hardware_cache.clear_cache()
    yield domain / "energy_uj"
    hardware_cache.clear_cache()


def test_counters_that_count_are_measured(counter):
    joules_per_run = 2.0

    def run():
        time.sleep(0.02)
        counter.write_text(str(int(counter.read_text()) + int(joules_per_run * 1e6)))
        return 4

    result = measure(run, minimum_seconds=0.2)
    assert result.cpu_kwh == pytest.approx(result.runs * joules_per_run / JOULES_PER_KWH, rel=1e-4)
    if not result.gpu_kwh:
        assert result.source == "measured"
        assert result.measured_share == pytest.approx(result.cpu_kwh / (result.cpu_kwh + result.ram_kwh))
        assert "(RAPL)" in result.hardware
    assert result.sources["cpu"] == "RAPL"
    assert result.sources["ram"] == "estimated from size"


def test_counters_that_stand_still_are_not_measured(counter):
    result = measure(busy(), minimum_seconds=0.1)
    assert result.source == "estimated"
    assert result.sources["cpu"] == "RAPL, which stood still"
    assert result.measured_share == pytest.approx(result.gpu_kwh / (result.gpu_kwh + result.ram_kwh))


@pytest.mark.parametrize("texts", [0, -3])
def test_run_without_texts_is_refused(texts):
    with pytest.raises(MeasurementError, match="texts"):
        measure(lambda: texts, minimum_seconds=0.05)


@pytest.mark.parametrize("arguments", [{"country_iso_code": "XYZ", "minimum_seconds": 1}, {"minimum_seconds": 0}])
def test_senseless_questions_are_refused_before_anything_runs(arguments):
    calls = []
    with pytest.raises(MeasurementError):
        measure(lambda: calls.append(1) or 1, **arguments)
    assert calls == []


def test_of_several_in_turn_each_has_an_interval():
    calls = []

    def run(name, texts):
        calls.append(name)
        sum(range(20_000))
        return texts

    found = measure_in_turn(
        {"one": lambda: run("one", 3), "other": lambda: run("other", 30)}, minimum_seconds=0.2, repeats=3
    )
    turns = [name for index, name in enumerate(calls) if index == 0 or calls[index - 1] != name]
    assert turns == ["one", "other"] * 3
    for result in found.values():
        assert result.kwh_low <= result.kwh_per_1000_texts <= result.kwh_high
        assert result.seconds >= 0.2
        assert result.gco2e_per_1000_texts == pytest.approx(result.kwh_per_1000_texts * result.gco2e_per_kwh)
    assert found["one"].kwh_per_1000_texts > found["other"].kwh_per_1000_texts


def test_a_meter_over_anything():
    with metered("FRA") as read:
        time.sleep(0.05)
        charge = read()
    assert charge.kwh > 0
    assert charge.seconds >= 0.05
    assert charge.gco2e == pytest.approx(charge.kwh * charge.gco2e_per_kwh)
    assert charge.country_name == "France"


class Meter:
    """A processor's counter that counts `idle_w` all the time, and in addition what is put on it."""

    def __init__(self, idle_w):
        self.idle_w, self.joules = idle_w, 0.0

    def run(self, watts, texts, seconds=0.02):
        """Work of so many watts above idle."""

        def work():
            started = time.perf_counter()
            time.sleep(seconds)
            self.joules += watts * (time.perf_counter() - started)
            return texts

        return work

    def read(self):
        return Energy.from_ujoules(1e6 * (1e3 + self.joules + self.idle_w * time.perf_counter()))


@pytest.fixture
def meter(counter, monkeypatch):
    """The processor's counter, in watts; whatever GPU there is is left out."""
    made = Meter(idle_w=20.0)
    monkeypatch.setattr(codecarbon.core.rapl.RAPLFile, "_get_value", lambda _: made.read())
    monkeypatch.setattr(codecarbon.core.resource_tracker.ResourceTracker, "set_GPU_tracking", lambda _: None)
    hardware_cache.clear_cache()
    return made


def test_idle_power_that_a_counter_shows_is_subtracted(meter):
    runs = {"busy": meter.run(80.0, texts=4), "light": meter.run(10.0, texts=4)}
    found = measure_in_turn(runs, minimum_seconds=0.8, repeats=2)
    for name, watts in (("busy", 80.0), ("light", 10.0)):
        result = found[name]
        joules = JOULES_PER_KWH * result.net.kwh_per_1000_texts * result.texts / 1000
        ram = JOULES_PER_KWH * result.ram_kwh
        assert result.net.idle_w == {"cpu": pytest.approx(20.0, rel=0.1)}
        # Starting and reading a meter takes some milliseconds of 20 W that no turn is charged for.
        assert joules - ram == pytest.approx(watts * result.seconds, rel=0.05, abs=20.0 * 0.05 * result.turns)
        assert JOULES_PER_KWH * result.cpu_kwh == pytest.approx((20.0 + watts) * result.seconds, rel=0.1)
        assert result.net.gco2e_per_1000_texts == pytest.approx(result.net.kwh_per_1000_texts * result.gco2e_per_kwh)
        assert result.net.kwh_low <= result.net.kwh_per_1000_texts <= result.net.kwh_high
        assert result.compared is result.net
        assert result.kwh_per_1000_texts > result.net.kwh_per_1000_texts


def test_machine_that_is_busier_asleep_than_at_work_has_no_idle_power(meter, monkeypatch):
    asleep = time.sleep

    def other_work(seconds):
        meter.joules += 500.0 * seconds
        asleep(seconds)

    monkeypatch.setattr("mctl.validators.emissions.time.sleep", other_work)
    found = measure_in_turn({"one": busy()}, minimum_seconds=0.4, repeats=2)
    assert found["one"].net is None
    assert found["one"].compared is found["one"]


def test_nothing_is_subtracted_from_an_estimate(monkeypatch):
    slept = []
    monkeypatch.setattr("mctl.validators.emissions._asleep", lambda *arguments: slept.append(arguments))
    monkeypatch.setattr("mctl.validators.emissions.has_counters", lambda: False)
    found = measure_in_turn({"one": busy()}, minimum_seconds=0.2, repeats=2)
    assert found["one"].net is None
    assert slept == []


def test_without_counters_the_processor_is_estimated_from_its_rated_power(monkeypatch):
    monkeypatch.setattr(codecarbon.core.cpu, "is_rapl_available", lambda: False)
    monkeypatch.setattr(codecarbon.core.resource_tracker.ResourceTracker, "set_GPU_tracking", lambda _: None)
    hardware_cache.clear_cache()
    found = measure_in_turn({"one": busy()}, minimum_seconds=0.2, repeats=2)
    hardware_cache.clear_cache()
    assert found["one"].sources == {"cpu": "estimated from TDP", "ram": "estimated from size"}
    assert found["one"].net is None


def test_every_counter_has_its_name():
    def hardware(kind, **parts):
        part = kind.__new__(kind)
        part.__dict__.update(parts)
        return part

    module = codecarbon.external.hardware
    gpus = hardware(module.AllGPUDevices, devices=[hardware(NvidiaGPUDevice)])
    gpu = hardware(module.GPU, gpu_ids=[0], devices=gpus)
    cpu = hardware(module.CPU, _mode="intel_rapl", _tdp=None)
    assert counters([cpu, gpu]).names == {"cpu": "RAPL", "gpu": "NVML"}
    assert counters([hardware(module.CPU, _mode="windows_emi", _tdp=65)]).names == {"cpu": "Windows EMI"}
    apple = [hardware(module.AppleSiliconChip, chip_part=part) for part in ("CPU", "GPU")]
    assert counters(apple).names == {"cpu": "powermetrics", "gpu": "powermetrics"}
    guessed = counters([hardware(module.CPU, _mode="cpu_load", _tdp=65), hardware(module.GPU, gpu_ids=[])])
    assert guessed.names == {}
    assert guessed.rated_w == 65
    assert guessed.sources() == {"cpu": "estimated from TDP", "ram": "estimated from size"}


@pytest.fixture(scope="module")
def exact():
    """Of 3e-5 kWh for 1,000 texts, without an interval."""
    return replace(measure(lambda: 10, minimum_seconds=0.1), kwh_per_1000_texts=3e-5)


def test_making_is_repaid_after_so_many_texts(exact):
    before, after = exact, replace(exact, kwh_per_1000_texts=1e-5)
    repaid = break_even(2e-3, before, after)
    assert (repaid.texts, repaid.low, repaid.high) == pytest.approx((100_000,) * 3)
    assert math.isinf(break_even(2e-3, after, before).texts)
    assert math.isinf(break_even(2e-3, before, before).texts)


def test_break_even_is_as_uncertain_as_both_models(exact):
    before = replace(exact, kwh_low=2.7e-5, kwh_high=3.3e-5)
    after = replace(exact, kwh_per_1000_texts=1e-5, kwh_low=0.6e-5, kwh_high=1.4e-5)
    repaid = break_even(2e-3, before, after)
    # 2e-5 are saved, give or take sqrt(0.3^2 + 0.4^2) = 0.5 of 1e-5.
    assert (repaid.low, repaid.texts, repaid.high) == pytest.approx((80_000, 100_000, 400_000 / 3))
    hardly = break_even(2e-3, before, replace(after, kwh_per_1000_texts=2.8e-5, kwh_high=3.2e-5))
    assert hardly.low < hardly.texts < hardly.high == math.inf


def test_break_even_is_net_where_idle_is_known(exact):
    nets = [Net(kwh, 700 * kwh, kwh, kwh, {"cpu": 20.0}) for kwh in (2e-5, 1e-5)]
    before, after = (replace(exact, net=net) for net in nets)
    assert break_even(2e-3, before, after).texts == pytest.approx(200_000)
