"""A look at the data and the model before a recipe is written for them."""

from __future__ import annotations

from collections import Counter

from mctl.data.sources import is_hub_id
from mctl.data.text import shortened
from mctl.pipeline.dataset import StageData, load_stage_data
from mctl.pipeline.hub import hub_answers
from mctl.pipeline.loading import check_tokenizer, class_order, load_config, load_tokenizer
from mctl.pipeline.model_files import is_folder
from mctl.pipeline.pinning import pinned
from mctl.progress import Progress
from mctl.recipe import ModelSettings, Recipe

_MOST_NAMED = 20


def look(recipe: Recipe, progress: Progress) -> tuple[StageData | None, int | None]:
    """Load the data, and the configuration and tokenizer of the model, as `mctl run` would.

    What is on the hub is not looked at while the hub does not answer; the progress says so.

    Returns:
        The data, and the most tokens that the model takes; None for what is not named or was not looked at.

    Raises:
        UserError: the data cannot be used, the model cannot, or its classes are not those of the data.
    """
    from mctl.compression.families import family_of

    positions = classes = None
    named = recipe.compress.teacher or recipe.model.name
    if named is not None and (is_folder(named) or _on_hub(named, progress)):
        settings = pinned(recipe.model.model_copy(update={"name": named}))
        config = load_config(settings)
        check_tokenizer(load_tokenizer(settings), config, ModelSettings(name=named))
        positions = family_of(config).positions(config)
        classes = class_order(config) if recipe.compress.teacher else None
        progress.say(f"model: {named}: {config.model_type}, up to {positions} tokens")
    source = recipe.data.source
    if source is None or (is_hub_id(source) and not _on_hub(source, progress)):
        return None, positions
    data = load_stage_data(recipe.data, progress, classes)
    columns = data.dataset.columns
    progress.say(f"columns: texts in {shortened(columns.text)!r}, labels in {shortened(columns.label)!r}")
    progress.say(f"classes, with their rows: {_classes(data)}")
    return data, positions


def _classes(data: StageData) -> str:
    rows = Counter[str]()
    for counts in data.dataset.rows_per_split_and_class().values():
        rows.update(counts)
    more = f" and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else ""
    return ", ".join(f"{shortened(name)} {count}" for name, count in rows.most_common(_MOST_NAMED)) + more


def _on_hub(name: str, progress: Progress) -> bool:
    if not hub_answers():
        progress.say(f"{name} was not looked at: it is no file or folder here, and the hub does not answer.")
    return hub_answers()
