"""The one exception type that means: the user can mend this."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user's, told in three parts.

    The command line prints it as one red paragraph and exits with 2, without a traceback. Anything that is not a
    `UserError` is a bug of ours and shows its traceback.

    Args:
        what: what is wrong, one sentence.
        where: file, row, column or flag, when there is one.
        todo: what to do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, todo: str | None = None) -> None:
        self.what = what
        self.where = where
        self.todo = todo
        super().__init__(what, where, todo)

    def __str__(self) -> str:
        parts = [self.what if self.where is None else f"{self.where}: {self.what}"]
        if self.todo:
            parts.append(self.todo)
        return " ".join(parts)
