"""The search for nodes that have to stay in fp32, on errors whose culprits are known."""

from __future__ import annotations

import math
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mctl.exporters import ExportError, nodes_to_keep
from mctl.exporters.bisection import Outcome, Trial, most_trials

NAMES = [f"layer.{index}/MatMul" for index in range(60)]


class Graph:
    """Errors of single nodes that add up; the result is good below a limit."""

    def __init__(self, errors: dict[str, float], limit: float) -> None:
        self.errors, self.limit, self.trials = errors, limit, 0

    def __call__(self, kept: Collection[str]) -> Outcome:
        self.trials += 1
        error = math.fsum(value for name, value in self.errors.items() if name not in set(kept))
        return Outcome(error=error, good=error <= self.limit)


def names(trial: Trial) -> list[str]:
    return [node.name for node in nodes_to_keep(NAMES, trial)]


def test_a_good_graph_costs_one_trial_and_keeps_nothing() -> None:
    graph = Graph({NAMES[3]: 0.1}, limit=0.1)
    assert (names(graph), graph.trials) == ([], 1)


@given(st.sampled_from(NAMES), st.booleans())
def test_one_culprit_among_sixty_is_found_in_a_dozen_trials(culprit: str, overflows: bool) -> None:
    graph = Graph(dict.fromkeys(NAMES, 0.001) | {culprit: math.inf if overflows else 5.0}, limit=0.06)
    assert names(graph) == [culprit]
    assert graph.trials <= 2 + 2 * math.ceil(math.log2(len(NAMES))) + 1


@given(st.sets(st.sampled_from(NAMES), min_size=2, max_size=4))
def test_several_culprits_are_found_wherever_they_are_and_nothing_else(culprits: set[str]) -> None:
    errors = dict.fromkeys(NAMES, 0.001) | {name: 1.0 + index for index, name in enumerate(sorted(culprits))}
    graph = Graph(errors, limit=0.06)
    assert set(names(graph)) == culprits
    assert graph.trials <= 2 + len(culprits) * (2 * math.ceil(math.log2(len(NAMES))) + 2)


@given(st.lists(st.floats(0.0, 10.0), min_size=len(NAMES), max_size=len(NAMES)), st.floats(0.0, 100.0))
def test_what_is_kept_is_always_enough_and_no_node_of_it_can_go(errors: list[float], limit: float) -> None:
    graph = Graph(dict(zip(NAMES, errors, strict=True)), limit)
    kept = names(graph)
    assert graph(kept).good
    if kept:
        assert not graph(()).good
        least = min(kept, key=graph.errors.__getitem__)
        assert len(kept) == 1 or not graph([name for name in kept if name != least]).good


def test_shares_are_of_the_error_without_any_list_and_come_in_order() -> None:
    graph = Graph({NAMES[40]: 1.0, NAMES[7]: 2.0, NAMES[20]: 1.0}, limit=1.0)
    shares = {node.name: node.share for node in nodes_to_keep(NAMES, graph)}
    assert shares == {NAMES[7]: 0.5, NAMES[20]: 0.25} or shares == {NAMES[7]: 0.5, NAMES[40]: 0.25}


def test_two_that_overflow_need_each_other() -> None:
    """Keeping either alone leaves the error infinite, so there is no slope to go down on."""
    graph = Graph({NAMES[5]: math.inf, NAMES[50]: math.inf}, limit=0.0)
    assert set(names(graph)) == {NAMES[5], NAMES[50]}


def test_a_result_that_no_list_saves_is_refused() -> None:
    with pytest.raises(ExportError, match="even with every node in float32"):
        nodes_to_keep(NAMES, lambda kept: Outcome(error=1.0, good=False))


@given(st.integers(0, 57), st.integers(1, 3))
def test_neighbours_that_pass_on_an_overflow_are_found_in_few_trials(first: int, length: int) -> None:
    culprits = NAMES[first : first + length]
    graph = Graph(dict.fromkeys(NAMES, 0.001) | dict.fromkeys(culprits, math.inf), limit=0.06)
    assert names(graph) == culprits
    assert graph.trials <= 3 + 2 * length * math.ceil(math.log2(len(NAMES)) + 1)


@given(st.sets(st.sampled_from(NAMES), min_size=2, max_size=2))
def test_overflow_and_outlier_together(pair: set[str]) -> None:
    overflow, outlier = sorted(pair)
    graph = Graph(dict.fromkeys(NAMES, 0.001) | {overflow: math.inf, outlier: 5.0}, limit=0.06)
    assert [(node.name, node.share == 1) for node in nodes_to_keep(NAMES, graph)] == [
        (overflow, True),
        (outlier, False),
    ]


@given(
    st.lists(st.sampled_from([0.0, 1e-3, 1.0, 7.0, math.inf]), min_size=1, max_size=len(NAMES)),
    st.sampled_from([0.0, 1e-3, 5.0, 100.0]),
)
def test_no_search_takes_more_trials_than_its_bound(errors: list[float], limit: float) -> None:
    named = NAMES[: len(errors)]
    graph = Graph(dict(zip(named, errors, strict=True)), limit)
    nodes_to_keep(named, graph)
    assert graph.trials <= most_trials(len(named), finite=math.inf not in errors)


def test_the_bound_is_reached_where_every_node_has_to_stay() -> None:
    graph = Graph(dict.fromkeys(NAMES, 1.0), limit=0.0)
    assert len(names(graph)) == len(NAMES)
    assert 3.9 * len(NAMES) < graph.trials <= most_trials(len(NAMES))
