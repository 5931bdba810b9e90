"""Several processes that train one model: who speaks and writes, and how the others wait.

A launcher (torchrun, accelerate) starts one command in every process. All of them read the data, tokenise it and train;
the main one alone locks, writes and speaks. Who is who stands in the environment, as torchrun sets it; accelerate makes
a group of the processes. What else mctl has to know of processes is in this file.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

_RANK, _LOCAL_RANK, _COUNT = "RANK", "LOCAL_RANK", "WORLD_SIZE"
_TOLD = "mctl/told"
# The main process may score or record for hours while the others wait; a process that died is noticed at once.
_LONGEST_WORK = timedelta(days=7)
# How long a process that failed leaves it to the main one to tell why, since most failures happen in all of them.
_MAIN_FIRST_SECONDS = 5.0


def count() -> int:
    """How many processes train together; 1 without a launcher."""
    return int(os.environ.get(_COUNT, "1")) if _LOCAL_RANK in os.environ else 1


def index() -> int:
    """The number of this process, 0..count - 1."""
    return int(os.environ.get(_RANK, "0")) if count() > 1 else 0


def is_main() -> bool:
    """Whether this process is the one that writes and speaks."""
    return index() == 0


def wait() -> None:
    """Wait until every process is here."""
    if count() > 1:
        _group().wait_for_everyone()


def by_main(work: Callable[[], object]) -> None:
    """Have work done by the main process, while the others wait for it."""
    if is_main():
        work()
    wait()


def asked_in_vain() -> bool:
    """Whether accelerate was asked for several processes and has started one: on CPUs it leaves more to MPI."""
    asked = "MASTER_ADDR" in os.environ and os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true"
    return asked and _LOCAL_RANK not in os.environ


def agree(digest: str) -> bool:
    """Whether all processes have the same digest (hexadecimal); waits until every process is here."""
    if count() == 1:
        return True
    import torch
    from accelerate.utils import gather

    own = torch.tensor([int(digest[:15], 16)], device=_group().device)
    found: torch.Tensor = gather(own)
    return bool((found == own).all())


def main_goes_on() -> bool:
    """Where what is left is done by one process: True in the main one, which counts itself alone from then on."""
    if not is_main():
        return False
    for name in () if count() == 1 else (_RANK, _LOCAL_RANK, _COUNT):
        os.environ.pop(name, None)
    return True


@contextmanager
def one_voice() -> Iterator[None]:
    """Around a whole command: only the main process is heard, and a failure is told once, by one of them.

    Raises:
        SystemExit: another process has told why.
    """
    if count() == 1:
        yield
        return
    store, main = _store(), is_main()
    heard = io.StringIO()
    try:
        with contextlib.ExitStack() as muted:
            if not main:
                muted.enter_context(contextlib.redirect_stdout(io.StringIO()))
                muted.enter_context(contextlib.redirect_stderr(heard))
            yield
    except BaseException as end:
        code = end.code if isinstance(end, SystemExit) else 1
        if code:
            if _told(store, 0 if main else _MAIN_FIRST_SECONDS):
                raise SystemExit(code) from None
            sys.stderr.write(heard.getvalue())
            raise
        _leave()
        raise
    _leave()


def _told(store: Any, seconds: float) -> bool:
    """Whether another process tells why all of them stop; if none does, this one will.

    A launcher ends all processes as soon as one has ended with an error, so that none may end before it is told.
    """
    from torch.distributed import DistError

    if seconds:
        with contextlib.suppress(DistError):
            store.wait([_TOLD], timedelta(seconds=seconds))
    try:
        tellers: int = store.add("mctl/tellers", 1)
        store.set(_TOLD, "")
    except DistError:  # The launcher is gone, and its store with it.
        return False
    return tellers > 1


def _group() -> Any:
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.accelerator.is_available(), timeout=_LONGEST_WORK)


def _store() -> Any:
    """The launcher's store of keys and values, which outlives each process."""
    from torch.distributed.rendezvous import rendezvous

    return next(rendezvous("env://"))[0]


def _leave() -> None:
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_initialized():
        distributed.destroy_process_group()
