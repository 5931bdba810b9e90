"""The terminal: progress on stderr, results on stdout, colours only where a person looks."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mctl.artifact import Artifact
from mctl.processes import asked_in_vain, is_main
from mctl.report.plain import plain_text

_BLANKS_AT_END = re.compile(r" +$", re.MULTILINE)
# Of a pipe or a file: no row of a table is longer, so that a check is one line, to be found and cut by other tools.
_UNBOUNDED = 10_000


class _WithoutPadding:
    """A stream whose lines end where their last word does; tables pad their last column."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(_BLANKS_AT_END.sub("", text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Results(Console):
    """Output for a reader, who may leave."""

    def on_broken_pipe(self) -> None:
        """Leave it to the command; rich would end it with the exit code of a fail.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError


class Messages(Console):
    """Messages on stderr: work goes on, and the exit code stays, when nobody reads them."""

    def on_broken_pipe(self) -> None:
        """Say no more."""
        self.quiet = True


def _results() -> Console:
    """As wide as the terminal; elsewhere as wide as the rows are, unless COLUMNS says otherwise."""
    if sys.stdout.isatty():
        return _Results(soft_wrap=True, highlight=False)
    stream = cast("IO[str]", _WithoutPadding(sys.stdout))
    width = None if "COLUMNS" in os.environ else _UNBOUNDED
    return _Results(file=stream, width=width, soft_wrap=True, highlight=False)


@dataclass
class _Piece:
    """A piece of work, for a log.

    Attributes:
        what: its name.
        total: steps that it has.
        first: steps that were done when it began.
        began: when, in seconds of a clock that never goes back.
        said: when a line on it was written last.
    """

    what: str
    total: int
    first: int = 0
    began: float = field(default_factory=time.monotonic)
    said: float = field(default_factory=time.monotonic)

    def line(self, done: int) -> str | None:
        """How far it is and how long it will take, if that has not been said for a minute."""
        now = time.monotonic()
        if now - self.said < _EVERY_S or done <= self.first:
            return None
        self.said = now
        if done >= self.total:  # A search does not know beforehand how long it takes.
            return f"{self.what}: {done} so far"
        left = (now - self.began) * (self.total - done) / (done - self.first)
        return f"{self.what}: {done} of {self.total}, about {max(1, round(left / 60))} min left"


# Without bars: pieces of work longer than this are told when they end, and as often while they last.
_WORTH_A_LINE_S, _EVERY_S = 5.0, 60.0


def _moves() -> bool:
    """Whether stderr is a terminal whose cursor can be moved. FORCE_COLOR asks for colours in a file, not for bars."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


class TerminalProgress:
    """Draws progress bars on stderr while a command runs; where that is no terminal, a line for each piece of work."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.messages = Messages(stderr=True, quiet=quiet, soft_wrap=True, highlight=False)
        self.results = _results()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.messages,
            transient=True,
            # rich would send what is printed while a bar is shown to the bar's console: into stderr, although the
            # user may be catching stdout in a file.
            redirect_stdout=sys.stdout.isatty(),
            disable=quiet or not _moves(),
        )
        self._task = self._bar.add_task("", visible=False, note="")
        self._piece = _Piece("", 0)
        self._said: set[tuple[str, ...]] = set()

    def __enter__(self) -> TerminalProgress:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def say(self, message: str) -> None:
        """One line on stderr. Texts and labels may be in it: nothing in it is markup."""
        self._bar.console.print(plain_text(message))

    def say_once(self, *lines: str) -> None:
        """Lines on stderr, unless this command has said just these."""
        if lines not in self._said:
            self._said.add(lines)
            for line in lines:
                self.say(line)

    def start(self, what: str, total: int, done: int = 0) -> None:
        """Show a bar, or say what begins."""
        self._bar.reset(self._task, total=total, completed=done, description=what, visible=True, note="")
        self._piece = _Piece(what, total, done)
        if self._bar.disable:
            self.say(f"{what} ...")

    def advance(self, done: int, note: str = "") -> None:
        """Move the bar, or say from time to time how far the work is."""
        self._bar.update(self._task, completed=done, note=note)
        if self._bar.disable and (line := self._piece.line(done)):
            self.say(line)

    def finish(self) -> None:
        """Hide the bar, or say how long the work took."""
        self._bar.update(self._task, visible=False)
        seconds = time.monotonic() - self._piece.began
        if self._bar.disable and seconds >= _WORTH_A_LINE_S:
            self.say(f"{self._piece.what}: done in {seconds:.0f} s")

    def made(self, artifact: Artifact) -> None:
        """The result of a command, on stdout: the folder, so that it can be piped."""
        self.results.print(plain_text(str(artifact.folder)))


@contextmanager
def open_console(quiet: bool) -> Iterator[TerminalProgress]:
    """A terminal for one command, with the chatter of libraries turned off."""
    _quiet_libraries()
    with TerminalProgress(quiet or not is_main()) as console:
        if asked_in_vain():
            console.say("accelerate has started one process: on CPUs, `torchrun --nproc-per-node N -m mctl` starts N.")
        try:
            yield console
        except KeyboardInterrupt:
            console.say(
                "Interrupted. What was complete is untouched. The same command goes on from the last checkpoint, or "
                "starts again where there was none yet."
            )
            raise


def _quiet_libraries() -> None:
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Before transformers is imported it has read no verbosity; after it, only this helps.
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.|transformers\.")
