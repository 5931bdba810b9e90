"""Artifacts whose source or teacher was moved away: what is missing is named, and what needs neither goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import mctl
from refusal import Refused
from reseal import reseal

EXPORT, SOURCE, TEACHER = "prune25-distill-fp16", "prune25-distill", "teacher"


@pytest.mark.parametrize("gone", [SOURCE, TEACHER])
def test_validate_says_what_it_looked_for_and_where(copy_of_chain: Path, refused: Refused, gone: str) -> None:
    child = EXPORT if gone == SOURCE else SOURCE
    (copy_of_chain / "artifacts" / gone).rename(copy_of_chain / gone)
    words = [f"artifacts/{gone}", f"{child} was made from it", f"beside {child}", f"move {gone} into artifacts"]
    refused("validate", cwd=copy_of_chain, words=words, error_report=f"artifacts/{EXPORT}")


def test_bench_names_the_ways_to_do_without(copy_of_chain: Path, refused: Refused) -> None:
    (copy_of_chain / "artifacts" / TEACHER).rename(copy_of_chain / TEACHER)
    words = [f"artifacts/{TEACHER}", f"{SOURCE} was made from it", "--baseline FOLDER", "--no-torch"]
    refused("bench", cwd=copy_of_chain, words=words)


def test_an_orphan_is_inspected_and_labels_texts(copy_of_chain: Path) -> None:
    whole = mctl("inspect", f"artifacts/{EXPORT}", cwd=copy_of_chain).out
    (copy_of_chain / "artifacts" / SOURCE).rename(copy_of_chain / SOURCE)
    alone = mctl("inspect", f"artifacts/{EXPORT}", cwd=copy_of_chain).out
    missing = f"{SOURCE} (missing: looked for artifacts/{SOURCE})"
    assert alone == whole.replace(f"made from     {SOURCE}", f"made from     {missing}")
    ran = mctl("predict", "--artifact", f"artifacts/{EXPORT}", "पाऊस", cwd=copy_of_chain)
    assert ran.code == 0, ran.err


def test_an_orphan_that_knows_nothing_of_its_source_is_not_drawn_as_unpruned(copy_of_chain: Path) -> None:
    """As version 0.1.0 exported."""
    folder = copy_of_chain / "artifacts" / EXPORT
    reseal(folder, lambda manifest: (manifest["facts"].pop("before"), manifest["facts"].pop("layers")))
    assert "/512" in mctl("inspect", folder, cwd=copy_of_chain).out
    reseal(copy_of_chain / "artifacts" / SOURCE, lambda manifest: manifest.update(created="2020"))
    other = mctl("inspect", folder, cwd=copy_of_chain).out
    assert "another one than this was made from" in other and "/512" not in other
    (copy_of_chain / "artifacts" / SOURCE).rename(copy_of_chain / SOURCE)
    ran = mctl("inspect", folder, "--picture", "layout.svg", cwd=copy_of_chain)
    assert ran.code == 0, ran.err
    assert "What pruning removed is not known here" in ran.out
    assert "/?" in ran.out and "█" not in ran.out
