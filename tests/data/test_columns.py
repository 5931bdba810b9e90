"""Columns are found by name, and never guessed."""

from __future__ import annotations

import pytest

from mctl.data.columns import find_columns
from mctl.errors import UserError


@pytest.mark.parametrize(
    ("columns", "text", "label", "expected"),
    [
        (["id", "text", "label"], None, None, ("text", "label")),
        (["Headline", "Category"], None, None, ("Headline", "Category")),
        (["label", "TEXT"], None, None, ("TEXT", "label")),
        (["title", "body", "topic"], "body", None, ("body", "topic")),
        (["Title", "title", "topic"], "title", None, ("title", "topic")),
        (["a", "b"], "A", "B", ("a", "b")),
        (["label", "text"], "label", "text", ("label", "text")),
    ],
)
def test_columns_are_found(columns, text, label, expected):
    assert find_columns(columns, text=text, label=label, where="x.csv") == expected


@pytest.mark.parametrize(
    ("columns", "text", "label", "words"),
    [
        (["title", "body", "topic"], None, None, "several columns could be the text: 'title', 'body'"),
        (["text", "label", "category"], None, None, "several columns could be the label"),
        (["text", "text", "label"], None, None, "several columns could be the text"),
        (["TEXT", "Text", "label"], "text", None, "several columns are named 'text'"),
        (["sms", "label"], None, None, "no column has a usual name for the text"),
        (["text", "kind"], None, None, "no column has a usual name for the label"),
        (["text", "label"], "words", None, "there is no column 'words'"),
        (["text", "label"], "label", None, "cannot be both"),
    ],
)
def test_an_unclear_choice_is_refused_and_the_columns_are_listed(columns, text, label, words):
    with pytest.raises(UserError) as caught:
        find_columns(columns, text=text, label=label, where="x.csv")
    assert words in caught.value.what
    assert all(repr(name) in str(caught.value.todo) for name in columns)


def test_a_wrong_separator_is_suspected():
    with pytest.raises(UserError, match="another separator"):
        find_columns(["text;label"], text=None, label=None, where="x.csv")


@pytest.mark.parametrize("named", [None, "text"])
def test_a_name_that_stands_twice_has_to_be_changed(named):
    """No flag chooses between them."""
    with pytest.raises(UserError, match="several columns") as caught:
        find_columns(["text", "text", "label"], text=named, label=None, where="x.csv")
    assert "'text' stands 2 times in the header: rename all but one" in str(caught.value.todo)


def test_names_that_differ_in_case_are_chosen_by_the_flag():
    with pytest.raises(UserError, match="several columns could be the label: 'Label', 'label'") as caught:
        find_columns(["text", "Label", "label"], text=None, label=None, where="x.csv")
    assert "--label" in str(caught.value.todo)
    assert "rename" not in str(caught.value.todo)
    assert find_columns(["text", "Label", "label"], text=None, label="label", where="x.csv").label == "label"
