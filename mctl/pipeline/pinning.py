"""A model of the hub at one commit: what is loaded first and what is loaded later are of the same."""

from __future__ import annotations

from mctl.errors import UserError
from mctl.pipeline.hub import commit_of
from mctl.pipeline.loading import load_config
from mctl.pipeline.model_files import is_folder
from mctl.recipe import ModelSettings


def pinned(settings: ModelSettings) -> ModelSettings:
    """The same model, its revision the commit that the branch, the tag or the default stands for now.

    Configuration, tokenizer and weights are fetched one after the other, and a branch may move in between. The commit
    goes into the manifest with the recipe. A name may carry its revision: `user/model@main`. Folders have none.

    Raises:
        UserError: two revisions are named, or what `load_config` raises.
    """
    if not settings.name or is_folder(settings.name):
        return settings
    name, _, revision = settings.name.partition("@")
    if revision and settings.revision not in (None, revision):
        raise UserError(
            f"the name asks for revision {revision!r}, and [model] revision for {settings.revision!r}.",
            where=settings.name,
            todo="Name one of them.",
        )
    asked = settings.model_copy(update={"name": name, "revision": revision or settings.revision})
    load_config(asked)  # Which fetches it, or says that there is none.
    return asked.model_copy(update={"revision": commit_of(name, asked.revision)})
