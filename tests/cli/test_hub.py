"""Hub ids where there is no hub."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import finish, start
from refusal import Refused, complaint, contents


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A local port that refuses connections: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_an_unreachable_hub_is_asked_once(copy_of_sample: Path, closed_port: int) -> None:
    before = contents(copy_of_sample)
    environment = {
        "HF_ENDPOINT": f"http://127.0.0.1:{closed_port}",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(copy_of_sample.parent / "cache"),
        "NO_PROXY": "127.0.0.1",
    }
    ran = finish(start("finetune", "--model", "nobody/nothing", cwd=copy_of_sample, **environment), timeout=90)
    assert ran.code == 2, ran
    message = complaint(ran.err)
    assert "nobody/nothing" in message
    assert "Give a folder, or download the model" in message
    assert "Retry" not in ran.err, "the hub's client asks six times, which takes 40 seconds"
    assert contents(copy_of_sample) == before


def test_models_and_data_that_are_not_in_the_cache_when_offline(copy_of_sample: Path, refused: Refused) -> None:
    refused("finetune", "--model", "nobody/nothing", cwd=copy_of_sample, words=["nobody/nothing", "Give a folder"])
    words = ["nobody/nothing", "the hub does not answer", "download the data elsewhere"]
    refused("finetune", "--data", "nobody/nothing", cwd=copy_of_sample, words=words)
