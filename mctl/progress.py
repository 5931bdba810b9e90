"""What long work tells whoever watches it. The command line draws it; libraries need not care."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A watcher of long work."""

    def say(self, message: str) -> None:
        """One line that is worth keeping."""

    def say_once(self, *lines: str) -> None:
        """Lines that are worth keeping, unless just these have been said before: stages may share what they say."""

    def start(self, what: str, total: int, done: int = 0) -> None:
        """A new piece of work of `total` steps, of which `done` are done already."""

    def advance(self, done: int, note: str = "") -> None:
        """`done` steps of the current piece are done."""

    def finish(self) -> None:
        """The current piece is over, done or not."""


class Silent:
    """A watcher that does not look."""

    def say(self, message: str) -> None:
        """Nothing."""

    def say_once(self, *lines: str) -> None:
        """Nothing."""

    def start(self, what: str, total: int, done: int = 0) -> None:
        """Nothing."""

    def advance(self, done: int, note: str = "") -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""
