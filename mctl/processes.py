"""Several processes that train one model: who speaks and writes, and how the others wait.

A launcher (torchrun, accelerate) starts one command in every process. All of them read the data, tokenise it and train;
the main one alone locks, writes and speaks. Who is who stands in the environment, as torchrun sets it; accelerate makes
a group of the processes. What else mctl has to know of processes is in this file.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Timer
from typing import Any

from mctl.errors import UserError
from mctl.exit_codes import ExitCode

_RANK, _LOCAL_RANK, _COUNT = "RANK", "LOCAL_RANK", "WORLD_SIZE"
_HOST, _PORT = "MASTER_ADDR", "MASTER_PORT"
# What torch and accelerate count processes by, besides. Each launcher has names of its own.
_COUNTS = (_COUNT, "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
_ALL_NAMES = (
    *(_RANK, _LOCAL_RANK, *_COUNTS, "LOCAL_WORLD_SIZE", "PMI_RANK", "MV2_COMM_WORLD_RANK", "OMPI_COMM_WORLD_RANK"),
    *("MPI_LOCALRANKID", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"),
    *("OMPI_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE"),
)
# Ways of accelerate to train a model in pieces.
_SHARDING = ("ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP", "ACCELERATE_USE_MEGATRON_LM")
_TORCHRUN = "To train with several, start them with `torchrun --nproc-per-node N -m mctl ...`."
_UNSET = f"Unset {_RANK}, {_LOCAL_RANK} and {_COUNT} to train with one process. {_TORCHRUN}"
# How long the processes of a command have to find each other. All start together, and importing torch takes seconds.
_RENDEZVOUS = timedelta(seconds=120)
_TOLD = "mctl/told"
# The main process may score or record for hours while the others wait; a process that died is noticed at once.
_LONGEST_WORK = timedelta(days=7)
# A wait this long is worth a line.
_SAID_AFTER_S = 10.0
# How long a process that failed leaves it to the main one to tell why, since most failures happen in all of them.
_MAIN_FIRST_SECONDS = 5.0


def check_launcher() -> None:
    """Look at what a launcher has left in the environment, before anything relies on it.

    mctl counts the processes of torchrun and accelerate, which number them by LOCAL_RANK. Other numbers of processes
    (of Kubeflow's PyTorchJob, of MPI, or left over from another job) are taken out of the environment, because torch
    and accelerate would wait for processes that mctl does not know of.

    Raises:
        UserError: the environment says that this is one of several processes, but not which, or of how many.
    """
    if not os.environ.get(_LOCAL_RANK):
        named = [f"{name}={os.environ[name]}" for name in _COUNTS if os.environ.get(name, "1") != "1"]
        for name in _ALL_NAMES:
            os.environ.pop(name, None)
        if named:
            sys.stderr.write(f"{named[0]} without {_LOCAL_RANK}: this process works alone. {_TORCHRUN}\n")
        return
    if asked := next((name for name in _SHARDING if os.environ.get(name, "").lower() == "true"), None):
        raise UserError(
            "the launcher asks for a model that is cut into pieces, and mctl trains whole models.",
            where=f"{asked}={os.environ[asked]}",
            todo="Run `accelerate launch` without it.",
        )
    numbers = {name: _number(name) for name in (_LOCAL_RANK, _RANK, _COUNT)}
    if not 0 <= numbers[_RANK] < numbers[_COUNT] or numbers[_LOCAL_RANK] < 0:
        listed = ", ".join(f"{name}={number}" for name, number in numbers.items())
        raise UserError("there is no such process.", where=listed, todo=_UNSET)
    if numbers[_COUNT] == 1:  # Nobody to meet.
        for name in _ALL_NAMES:
            os.environ.pop(name, None)
        return
    if not os.environ.get(_HOST):
        raise UserError(f"{_HOST} is not set, so that the processes cannot find each other.", todo=_UNSET)
    if not 0 < _number(_PORT) < 65536:
        raise UserError("there is no such port.", where=f"{_PORT}={os.environ[_PORT]}", todo=_UNSET)


def _number(name: str) -> int:
    """A whole number from the environment.

    Raises:
        UserError: it is missing or no number.
    """
    value = os.environ.get(name, "")
    if not value.lstrip("-").isdecimal():
        problem = f"{value!r} is no whole number" if value else "it is not set"
        raise UserError(f"{problem}, though {_LOCAL_RANK} is set as launchers do.", where=name, todo=_UNSET)
    return int(value)


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
        code = end.code if isinstance(end, SystemExit) else ExitCode.BUG
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
    """The launcher's store of keys and values, which outlives each process.

    Raises:
        UserError: nobody answers.
    """
    from torch.distributed import DistError
    from torch.distributed.rendezvous import rendezvous

    place, seconds = f"{os.environ[_HOST]}:{os.environ[_PORT]}", int(_RENDEZVOUS.total_seconds())
    waiting = Timer(_SAID_AFTER_S, sys.stderr.write, (f"waiting for {count()} processes at {place}, {seconds} s.\n",))
    waiting.daemon = True
    waiting.start()
    try:
        _wait_for_name(os.environ[_HOST])
        return next(rendezvous("env://", timeout=_RENDEZVOUS))[0]
    except (DistError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{count()} processes were to meet there within {seconds} seconds, and did not: {reason}.",
            where=f"{_HOST}:{_PORT} {place}",
            todo=f"Start all of them with one launcher. {_UNSET}",
        ) from error
    finally:
        waiting.cancel()


def _wait_for_name(host: str) -> None:
    """Wait until a host's name stands for an address: a cluster may give it one after its processes have started.

    Raises:
        OSError: it has none after as long as a rendezvous may take.
    """
    deadline = time.monotonic() + _RENDEZVOUS.total_seconds()
    while True:
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def _leave() -> None:
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_initialized():
        distributed.destroy_process_group()
