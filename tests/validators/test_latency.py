from __future__ import annotations

import gc
import time

import numpy as np
import pytest

from mctl.validators.errors import MeasurementError, ShapeError
from mctl.validators.latency import joined, measure, speedup
from mctl.validators.waiting import idle_ns, queued_ns


def batch_of(texts):
    return {"input_ids": np.ones((texts, 8), np.int64), "attention_mask": np.ones((texts, 8), np.int64)}


def sleeper(seconds_per_text):
    def run(batch):
        texts = len(batch["input_ids"])
        time.sleep(seconds_per_text * texts)
        return np.zeros((texts, 2), np.float32)

    return run


def recorder(name, calls):
    def run(batch):
        calls.append((name, len(batch["input_ids"])))
        return np.zeros((len(batch["input_ids"]), 2), np.float32)

    return run


def recorded(seed, warmup=0, repeats=12):
    calls = []
    runners = {name: recorder(name, calls) for name in "abc"}
    measure(runners, [batch_of(1), batch_of(2)], warmup=warmup, repeats=repeats, seed=seed)
    return calls


def test_figures_are_those_of_the_samples():
    result = measure({"only": sleeper(0.004)}, [batch_of(1), batch_of(4)], warmup=1, repeats=5)["only"]
    samples = np.array(result.samples_ms)
    assert (result.samples, result.texts, samples.shape) == (10, 25, (10,))
    percentiles = [result.p50_ms, result.p90_ms, result.p95_ms, result.p99_ms]
    assert percentiles == pytest.approx(np.percentile(samples, [50, 90, 95, 99]))
    assert result.throughput_texts_per_s == pytest.approx(25 / (samples.sum() / 1000))
    # Batch by batch: every second sample is of the batch with four texts.
    assert samples[0::2].min() >= 4.0
    assert samples[1::2].min() >= 16.0
    assert np.median(samples[0::2]) < 16.0


def test_the_processors_clock_leaves_waiting_out():
    waiting = {"only": sleeper(0.02)}
    wall = measure(waiting, [batch_of(1)], warmup=1, repeats=5)["only"]
    working = measure(waiting, [batch_of(1)], warmup=1, repeats=5, clock_ns=time.process_time_ns)["only"]
    assert wall.p50_ms >= 20
    assert working.p50_ms < 5


def test_speedup_of_paired_samples():
    results = measure({"slow": sleeper(0.006), "fast": sleeper(0.002)}, [batch_of(1)], warmup=1, repeats=40)
    ratio = speedup(results["slow"], results["fast"])
    assert ratio.low <= ratio.value <= ratio.high
    assert 1.5 < ratio.value < 3.5
    assert ratio.low > 1.2
    assert speedup(results["fast"], results["slow"]).value == pytest.approx(1 / ratio.value)
    assert speedup(results["slow"], results["slow"]).value == 1.0


def test_runners_are_interleaved_batch_by_batch_in_an_order_that_changes_by_round():
    calls = recorded(seed=0)
    groups = [calls[start : start + 3] for start in range(0, len(calls), 3)]
    assert all({name for name, _ in group} == set("abc") for group in groups)
    assert [group[0][1] for group in groups] == [1, 2] * 12
    orders = [tuple(name for name, _ in group) for group in groups]
    assert orders[0::2] == orders[1::2]
    assert len(set(orders)) > 2


def test_order_is_decided_by_the_seed():
    assert recorded(seed=5) == recorded(seed=5)
    assert recorded(seed=5) != recorded(seed=6)


def test_warmup_runs_but_is_not_timed():
    calls = []
    result = measure({"a": recorder("a", calls)}, [batch_of(1), batch_of(2)], warmup=3, repeats=2)["a"]
    assert len(calls) == 10
    assert result.samples == 4


def test_garbage_is_not_collected_while_timing_and_the_collector_is_left_as_it_was():
    seen = []

    def run(batch):
        seen.append(gc.isenabled())
        if len(seen) == 4:
            raise RuntimeError("out of memory")
        return np.zeros((1, 2))

    assert gc.isenabled()
    measure({"a": run}, [batch_of(1)], warmup=0, repeats=3)
    assert gc.isenabled()
    with pytest.raises(RuntimeError):
        measure({"a": run}, [batch_of(1)], warmup=0, repeats=1)
    assert gc.isenabled()
    gc.disable()
    try:
        measure({"a": run}, [batch_of(1)], warmup=0, repeats=1)
        assert not gc.isenabled()
    finally:
        gc.enable()
    assert not any(seen)


def test_progress_counts_every_batch_of_every_round():
    seen = []
    batches = [batch_of(1), batch_of(2)]
    runners = {name: sleeper(0) for name in "ab"}
    measure(runners, batches, warmup=1, repeats=2, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_runner_that_does_not_answer_every_text_is_refused():
    with pytest.raises(MeasurementError, match="lazy answered 1 of 3"):
        measure({"lazy": lambda batch: np.zeros((1, 2))}, [batch_of(3)], warmup=0, repeats=1)


@pytest.mark.parametrize("change", [{"runners": {}}, {"batches": []}, {"repeats": 0}, {"warmup": -1}])
def test_nothing_to_measure_is_refused(change):
    with pytest.raises(MeasurementError):
        measure(**{"runners": {"a": sleeper(0)}, "batches": [batch_of(1)], "warmup": 0, "repeats": 1} | change)


@pytest.mark.parametrize("batch", [{}, batch_of(0), {"input_ids": np.ones((2, 8)), "attention_mask": np.ones((3, 8))}])
def test_batch_without_one_number_of_texts_is_refused(batch):
    with pytest.raises(ShapeError):
        measure({"a": sleeper(0)}, [batch], warmup=0, repeats=1)


def test_results_of_different_measurements_are_not_paired():
    short, long = (measure({"a": sleeper(0)}, [batch_of(1)], warmup=0, repeats=n)["a"] for n in (2, 3))
    with pytest.raises(ShapeError):
        speedup(short, long)


def test_the_share_of_waiting_is_that_of_the_wall_and_no_more_than_all_of_it():
    waited = iter([0, 5_000_000, 0, 10**12])
    waits = {"only": sleeper(0.01)}
    once = measure(waits, [batch_of(1)], warmup=0, repeats=1, waited_ns=lambda: next(waited))["only"]
    assert 0.1 < once.waited_share <= 0.5
    assert measure(waits, [batch_of(1)], warmup=0, repeats=1, waited_ns=lambda: next(waited))["only"].waited_share == 1
    assert measure(waits, [batch_of(1)], warmup=0, repeats=1)["only"].waited_share == 0


def test_joined_results_are_those_of_all_samples():
    parts = [measure({"a": sleeper(0.001)}, [batch_of(2)], warmup=0, repeats=n)["a"] for n in (2, 3)]
    whole = joined(parts)
    assert whole.samples_ms == pytest.approx(parts[0].samples_ms + parts[1].samples_ms)
    assert (whole.samples, whole.texts) == (5, 10)


def test_the_clock_of_idleness_counts_sleep_and_not_work():
    start = idle_ns()
    time.sleep(0.05)
    assert idle_ns() - start > 40e6
    assert queued_ns() >= 0
