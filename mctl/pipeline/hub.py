"""Whether the hub is there, and what came from it.

Its client asks six times over forty seconds; a user wants to know at once.
"""

from __future__ import annotations

import functools
from pathlib import Path

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


def commit_of(name: str, revision: str | None) -> str | None:
    """The commit of a model whose configuration is in the client's cache: the folder of files that it lies in.

    transformers 4 noted it on the configuration, transformers 5 does not. Where the cache has no such file, as with a
    client that keeps its files elsewhere, it is the revision that was asked for.
    """
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json", revision=revision)
    return Path(found).parent.name if isinstance(found, str) else revision
