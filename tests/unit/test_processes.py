"""One voice: who tells of a failure, and who is silent."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from torch.distributed import DistNetworkError, DistStoreError

from mctl import processes
from mctl.errors import UserError


@dataclass
class Store:
    """A launcher's store, as far as it is used, in one process."""

    told: bool = False
    tellers: int = 0
    waited: list[timedelta] = field(default_factory=list)

    def wait(self, keys: list[str], patience: timedelta) -> None:
        self.waited.append(patience)
        if not self.told:
            raise DistStoreError("too late")

    def add(self, key: str, amount: int) -> int:
        self.tellers += amount
        return self.tellers

    def set(self, key: str, value: str) -> None:
        self.told = True


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()
    monkeypatch.setattr(processes, "_store", lambda: store)
    return store


@pytest.fixture
def be(monkeypatch: pytest.MonkeyPatch, store: Store):
    def rank(number: int) -> None:
        for name, value in {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": 2}.items():
            monkeypatch.setenv(name, str(value))

    return rank


def fail(code: int = 2) -> None:
    with processes.one_voice():
        print("result")
        print("error: wrong.", file=sys.stderr)
        sys.exit(code)


def test_without_a_launcher_there_is_one_process() -> None:
    assert (processes.count(), processes.index(), processes.is_main()) == (1, 0, True)
    assert processes.agree("abc")
    assert processes.main_goes_on()


def test_the_main_process_is_heard_and_the_others_are_not(be, store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    for number in (0, 1):
        be(number)
        with processes.one_voice():
            print(number)
            print(number, file=sys.stderr)
    assert capfd.readouterr() == ("0\n", "0\n")
    assert store.tellers == 0


def test_what_fails_in_all_is_told_by_the_main_process(be, store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    for number in (0, 1):
        be(number)
        with pytest.raises(SystemExit) as stop:
            fail()
        assert stop.value.code == 2
    assert capfd.readouterr() == ("result\n", "error: wrong.\n")


def test_what_fails_in_another_alone_is_told_by_it(be, store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    be(1)
    with pytest.raises(SystemExit):
        fail()
    assert capfd.readouterr() == ("", "error: wrong.\n")
    assert store.waited, "the main process had time to tell it"
    be(0)
    with pytest.raises(SystemExit) as stop, processes.one_voice():
        raise RuntimeError("connection closed by peer")
    assert stop.value.code == 70
    assert not store.waited[1:]


def test_a_bug_in_the_main_process_shows(be, store: Store) -> None:
    be(0)
    with pytest.raises(RuntimeError), processes.one_voice():
        raise RuntimeError("bug")


def test_without_the_store_everyone_tells(be, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise DistNetworkError("gone")

    monkeypatch.setattr(store, "add", gone)
    be(1)
    with pytest.raises(RuntimeError, match="bug"), processes.one_voice():
        raise RuntimeError("bug")


def test_an_exit_without_an_error_is_no_failure(be, store: Store) -> None:
    be(1)
    with pytest.raises(SystemExit) as stop:
        fail(0)
    assert stop.value.code == 0
    assert store.tellers == 0


def test_the_main_process_goes_on_alone(be) -> None:
    be(1)
    assert not processes.main_goes_on()
    be(0)
    assert processes.main_goes_on()
    assert processes.count() == 1


def test_accelerate_that_starts_one_process_where_several_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not processes.asked_in_vain()
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    assert not processes.asked_in_vain()
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    assert processes.asked_in_vain()
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert not processes.asked_in_vain()


LAUNCHED = {"LOCAL_RANK": "0", "RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


def environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name in (*processes._ALL_NAMES, "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "values",
    [
        {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29577"},
        {"WORLD_SIZE": "2", "RANK": "1"},
        {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_LOCAL_RANK": "1"},
        {"PMI_SIZE": "4", "PMI_RANK": "0"},
    ],
)
def test_numbers_of_other_launchers_are_left_to_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], values: dict[str, str]
) -> None:
    environment(monkeypatch, **values)
    processes.check_launcher()
    assert "works alone" in capsys.readouterr().err
    assert not [name for name in processes._ALL_NAMES if name in os.environ]
    assert processes.count() == 1


def test_a_process_of_its_own_hears_nothing_of_launchers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch)
    processes.check_launcher()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORLD_SIZE", None),
        ("WORLD_SIZE", "two"),
        ("WORLD_SIZE", "-1"),
        ("RANK", None),
        ("RANK", "2"),
        ("RANK", "-1"),
        ("LOCAL_RANK", "x"),
        ("MASTER_ADDR", None),
        ("MASTER_PORT", ""),
        ("MASTER_PORT", "http"),
        ("MASTER_PORT", "99999"),
        ("ACCELERATE_USE_FSDP", "true"),
    ],
)
def test_a_launcher_that_says_half_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str | None) -> None:
    values = {key: text for key, text in (LAUNCHED | {name: value}).items() if text is not None}
    environment(monkeypatch, **values)
    with pytest.raises(UserError, match=name):
        processes.check_launcher()


def test_one_process_of_a_launcher_meets_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, LOCAL_RANK="0", RANK="0", WORLD_SIZE="1")
    processes.check_launcher()
    assert not [name for name in processes._ALL_NAMES if name in os.environ]


def test_a_host_without_an_address_is_waited_for_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **LAUNCHED | {"MASTER_ADDR": "nobody.invalid"})
    monkeypatch.setattr(processes, "_RENDEZVOUS", timedelta(seconds=0))
    with pytest.raises(UserError, match=r"nobody\.invalid"):
        processes._store()


def test_a_whole_launcher_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **LAUNCHED)
    processes.check_launcher()
    assert processes.count() == 2


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_rendezvous_nobody_answers_at_ends(monkeypatch: pytest.MonkeyPatch, rank: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment(monkeypatch, **LAUNCHED | {"RANK": rank, "LOCAL_RANK": rank, "MASTER_PORT": str(port)})
    monkeypatch.setattr(processes, "_RENDEZVOUS", timedelta(seconds=2))
    with pytest.raises(UserError, match=f"127.0.0.1:{port}"):
        processes._store()
