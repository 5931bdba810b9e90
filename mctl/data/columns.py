"""Finding the text column and the label column."""

from __future__ import annotations

from collections.abc import Sequence

from mctl.data.dataset import Columns
from mctl.data.text import folded, shortened
from mctl.errors import UserError

# fmt: off
TEXT_NAMES = frozenset({
    "text", "texts", "sentence", "sentences", "headline", "headlines", "title", "titles", "content", "contents",
    "article", "articles", "body", "document", "documents", "paragraph", "review", "reviews", "comment", "comments",
    "tweet", "tweets", "message", "utterance", "query", "question", "news",
})
LABEL_NAMES = frozenset({
    "label", "labels", "category", "categories", "class", "classes", "topic", "topics", "tag", "tags", "target",
    "targets", "sentiment", "intent", "genre",
})
# fmt: on


def find_columns(columns: Sequence[str], *, text: str | None, label: str | None, where: str) -> Columns:
    """Chooses the two columns to read.

    Args:
        columns: all column names of the source, in order.
        text: the user's choice, exact or but for its case; None to find it among `TEXT_NAMES`.
        label: the same for labels and `LABEL_NAMES`.
        where: file or hub id, for messages.

    Raises:
        UserError: a named column is not there; no column, or more than one, has a known name; both are the same.
    """
    chosen = Columns(
        _find_one(columns, text, TEXT_NAMES, "text", where),
        _find_one(columns, label, LABEL_NAMES, "label", where),
    )
    if chosen.text == chosen.label:
        raise UserError(
            f"the column {chosen.text!r} cannot be both the text and the label.",
            where=where,
            todo=_todo("text", columns),
        )
    return chosen


def _find_one(columns: Sequence[str], wanted: str | None, known: frozenset[str], role: str, where: str) -> str:
    if wanted is not None:
        matches = [c for c in columns if c == wanted] or [c for c in columns if folded(c) == folded(wanted)]
        problem = f"there is no column {wanted!r}" if not matches else f"several columns are named {wanted!r}"
    else:
        matches = [c for c in columns if folded(c) in known]
        problem = (
            f"no column has a usual name for the {role}"
            if not matches
            else f"several columns could be the {role}: {_listed(matches)}"
        )
    if len(matches) == 1:
        return matches[0]
    todo = _todo(role, columns)
    if twice := next((name for name in matches if matches.count(name) > 1), None):
        todo = f"{twice!r} stands {matches.count(twice)} times in the header: rename all but one. {todo}"
    raise UserError(f"{problem}.", where=where, todo=todo)


def _todo(role: str, columns: Sequence[str]) -> str:
    todo = (
        f"Name the {role} column: the flag --{role}, or {role} under [data] in mctl.toml. Columns: {_listed(columns)}."
    )
    if len(columns) == 1 and any(separator in columns[0] for separator in ";\t|,"):
        todo += " There is only one: the file seems to use another separator than its ending says."
    return todo


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(repr(shortened(c)) for c in columns[:30]) + (", ..." if len(columns) > 30 else "")
