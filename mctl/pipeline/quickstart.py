"""The embedded sample, written where the user can look at it."""

from __future__ import annotations

from pathlib import Path

from mctl.artifact import make_folder, write_atomically
from mctl.errors import UserError
from mctl.progress import Progress
from mctl.recipe import Recipe, load_recipe
from mctl.recipe_file import recipe_text

_SEED = 42
_ROWS = 1600


def prepare(folder: Path, progress: Progress) -> Recipe:
    """Write sample data, a tiny encoder and a recipe into `folder`.

    Doing it again in the same folder changes nothing, so that an interrupted quickstart goes on.

    Raises:
        UserError: `folder` has an mctl.toml that is not the quickstart's.
    """
    import torch

    from mctl.samples import headlines, tiny_model, write_csv

    # Matrices this small gain nothing from a second thread, and on a busy machine two threads wait for each other.
    torch.set_num_threads(1)

    make_folder(folder)
    data, encoder, recipe = folder / "synthetic.csv", folder / "encoder", folder / "mctl.toml"
    text = recipe_text(
        {
            "artifacts": str(folder / "artifacts"),
            "model.name": str(encoder),
            "model.max_length": 32,
            "data.source": str(data),
            "finetune.epochs": 5,
            "finetune.learning_rate": 5e-4,
            "finetune.freeze_embeddings": False,
            "compress.prune": 25.0,
            "compress.distill": True,
            "compress.ramp_epochs": 3,
            "compress.recovery_epochs": 2,
            "compress.learning_rate": 5e-4,
            "compress.freeze_embeddings": False,
            "export.precision": "fp16",
            # 320 texts cannot resolve a point: the sample's verdict is about the chain, not about half a dozen flips.
            "gate.max_accuracy_drop": 5.0,
            "gate.max_macro_f1_drop": 5.0,
            "gate.max_slice_drop": 20.0,
        }
    )
    if recipe.exists() and recipe.read_text(encoding="utf-8") != text:
        raise UserError("this folder has another recipe.", where=str(recipe), todo="Name a new folder.")
    rows = headlines(_SEED, _ROWS)
    write_csv(data, rows)
    if not (encoder / "config.json").exists():
        tiny_model(encoder, [text for text, _ in rows], _SEED)
    write_atomically(recipe, text.encode())
    progress.say(f"sample: {len(rows)} synthetic headlines in {data}, a tiny encoder with random weights in {encoder}")
    return load_recipe(recipe)
