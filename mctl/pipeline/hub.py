"""Whether the hub is there. Its client asks six times over forty seconds; a user wants to know at once."""

from __future__ import annotations

import functools

_TIMEOUT_SECONDS = 10


@functools.cache
def hub_answers() -> bool:
    """Whether the hub (or the mirror of HF_ENDPOINT) answers at all; asked once a process.

    False under HF_HUB_OFFLINE=1. Proxies and certificates are those of the hub's client.
    """
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=_TIMEOUT_SECONDS)
    except Exception:  # The client's HTTP library, and so the type, differs between its versions.
        return False
    return True
