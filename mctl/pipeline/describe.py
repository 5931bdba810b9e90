"""The facts that a manifest holds about a PyTorch classifier: layout, parameters, accuracy."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mctl.exporters.torch_runner import TorchClassifier
from mctl.pipeline.dataset import StageData
from mctl.pipeline.inherit import max_length
from mctl.pipeline.scoring import input_names, logits_of, metrics
from mctl.progress import Progress
from mctl.recipe import Recipe


def describe(model: Any, tokenizer: Any, data: StageData, recipe: Recipe, progress: Progress) -> dict[str, Any]:
    """Layout, parameter counts, and accuracy and macro-F1 on dev and test.

    Args:
        model: a classifier in PyTorch; its training state is left as it was.
    """
    from mctl.compression.layout import count_parameters, layout_of

    names = input_names(tokenizer, model)
    runner = TorchClassifier(model, names)
    scores = {}
    for split in ("dev", "test"):
        texts = data.splits[split]
        progress.start(f"score {split}", len(texts.texts))
        logits = logits_of(runner, tokenizer, texts.texts, names, max_length(recipe), 64, progress.advance)
        progress.finish()
        scores[split] = metrics(texts.labels, logits)
    progress.say(
        f"test accuracy {100 * scores['test']['accuracy']:.1f} %, macro-F1 {100 * scores['test']['macro_f1']:.1f} % "
        f"on {scores['test']['texts']} texts"
    )
    return {
        "max_length": max_length(recipe),
        "layout": layout_of(model).as_dict(),
        "parameters": asdict(count_parameters(model)),
        "metrics": scores,
    }
