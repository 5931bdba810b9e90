"""CodeCarbon's own messages, kept from the terminal of whoever measures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOG = logging.getLogger(__name__)


class _Silencer(logging.Filter):
    """Keeps CodeCarbon's messages off the user's terminal, passes them on to our logger, and remembers warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        _LOG.debug("codecarbon: %s", record.getMessage(), exc_info=record.exc_info)
        if record.levelno >= logging.WARNING:
            cause = record.exc_info[1] if record.exc_info else None
            self.complaints.append(str(cause or record.getMessage()))
        return False


@contextmanager
def quiet_codecarbon() -> Iterator[list[str]]:
    """Silence CodeCarbon for a while by a filter, which unlike a level can be put up by several threads at once."""
    logger, silencer = logging.getLogger("codecarbon"), _Silencer()
    logger.addFilter(silencer)
    try:
        yield silencer.complaints
    finally:
        logger.removeFilter(silencer)
