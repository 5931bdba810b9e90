"""PyTorch artifact in, ONNX artifact out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mctl.artifact import Artifact, load_artifact, newest_artifact, seal, stage_key, writing
from mctl.errors import UserError
from mctl.pipeline.loading import load_classifier, load_tokenizer
from mctl.pipeline.saving import save_tokenizer
from mctl.pipeline.scoring import input_names
from mctl.pipeline.stage import finished, manifest
from mctl.progress import Progress
from mctl.recipe import ExportSettings, ModelSettings, Precision, Provider, Recipe

MODEL_FILE = "model.onnx"

# What each precision is for, and the form of graph that is fastest there (benchmarks/graph_forms.py).
_PROVIDER_OF: Mapping[Precision, Provider] = {"fp32": "cpu", "fp16": "cuda"}
_FORM_ON: Mapping[Provider, str] = {"cpu": "plain", "cuda": "fused"}


def export(recipe: Recipe, progress: Progress, source: Path | None = None) -> Artifact:
    """Export a PyTorch artifact in the precision of `[export]`.

    Args:
        source: folder of a teacher or a compressed artifact. By default the newest of either.

    Raises:
        UserError: there is no such artifact.
    """
    artifact = _source(recipe, source, progress)
    settings = _settled(recipe.export)
    folder = _root(recipe, artifact, progress) / f"{artifact.name}-{_suffix(settings)}"
    key = stage_key("export", settings.model_dump(), {"source": artifact.as_parent().manifest_sha256})
    if done := finished(folder, key, progress):
        return done
    started = time.monotonic()
    named = ModelSettings(name=str(artifact.folder))
    model = load_classifier(named).eval()
    tokenizer = load_tokenizer(named)
    progress.start(f"export {settings.precision}", 1)
    with writing(folder) as temporary:
        facts = _write_graph(model, tokenizer, temporary, settings)
        facts |= {name: artifact.manifest.facts[name] for name in ("layout", "parameters", "max_length")}
        facts["seconds"] = time.monotonic() - started
        _stock_config(model.config).save_pretrained(temporary)
        save_tokenizer(tokenizer, temporary)
        complete = manifest("export", folder, key, recipe, parents=[artifact], data=artifact.manifest.data, facts=facts)
        made = seal(temporary, folder, complete)
    progress.finish()
    ratio = facts["bytes"] / facts["fp32_bytes"]
    progress.say(f"{MODEL_FILE}: {facts['bytes'] / 1e6:.1f} MB, {ratio:.3f} of fp32")
    return made


def _settled(settings: ExportSettings) -> ExportSettings:
    """With the defaults that depend on other settings filled in."""
    provider = settings.provider or _PROVIDER_OF[settings.precision]
    return settings.model_copy(update={"provider": provider, "graph": settings.graph or _FORM_ON[provider]})


def _suffix(settings: ExportSettings) -> str:
    """What the name says of an export: its precision, and what is not as that precision has it by default."""
    usual = _settled(ExportSettings(precision=settings.precision, provider=settings.provider))
    provider = settings.provider if settings.provider != _PROVIDER_OF[settings.precision] else None
    graph = settings.graph if settings.graph != usual.graph else None
    return "-".join(part for part in (settings.precision, provider, graph) if part)


def _root(recipe: Recipe, source: Artifact, progress: Progress) -> Path:
    """Where the export goes: where the user says, or else beside its source, where `validate` looks for that."""
    beside = source.folder.parent
    if "artifacts" not in recipe.model_fields_set:
        return beside
    if recipe.artifacts.resolve() != beside.resolve():
        progress.say(f"{source.name} is not in {recipe.artifacts}: copy it there before validating the export.")
    return recipe.artifacts


def _source(recipe: Recipe, folder: Path | None, progress: Progress) -> Artifact:
    if folder is not None:
        # "." and ".." have no name to give to the export.
        artifact = load_artifact(folder if folder.name not in {"", ".."} else folder.resolve())
        if artifact.manifest.kind == "export":
            raise UserError(
                "this is an export already.", where=str(folder), todo="Export a teacher or a compressed one."
            )
        return artifact
    newest = newest_artifact(recipe.artifacts, ("teacher", "compressed"))
    if newest is None:
        raise UserError(f"there is nothing to export in {recipe.artifacts}.", todo="Run `mctl compress` first.")
    progress.say(f"exporting {newest.folder}, the newest there is")
    return newest


def _write_graph(model: Any, tokenizer: Any, folder: Path, settings: ExportSettings) -> dict[str, Any]:
    from mctl.exporters.errors import ExportError

    try:
        return _converted(model, input_names(tokenizer, model), folder, settings)
    except ExportError as error:
        raise UserError(f"{error}.", where="export", todo="`mctl doctor` lists the versions at work.") from error


def _converted(model: Any, names: Sequence[str], folder: Path, settings: ExportSettings) -> dict[str, Any]:
    from mctl.exporters.graph import export_fp32
    from mctl.exporters.precision import to_fp16

    target = folder / MODEL_FILE
    graph = export_fp32(model, target, input_names=names, form=settings.graph or "plain")
    fp32_bytes = _size(folder)
    facts: dict[str, Any] = {
        "precision": settings.precision,
        "provider": settings.provider,
        "inputs": list(names),
        "outputs": ["logits"],
        "graph": _report(graph),
    }
    if settings.precision == "fp16":
        full = folder / "fp32.onnx"
        target.rename(full)
        facts["conversion"] = _report(to_fp16(full, target))
        full.unlink()
    return facts | {"bytes": _size(folder), "fp32_bytes": fp32_bytes}


def _report(result: Any) -> dict[str, Any]:
    """An exporter's report for the manifest, which lists files itself and knows no folder of the machine."""
    return {name: value for name, value in asdict(result).items() if name != "files"}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob(f"{MODEL_FILE}*"))


def _stock_config(config: Any) -> Any:
    """The configuration without the layout: the graph has it, and readers of ONNX folders know stock types alone."""
    from transformers import AutoConfig

    values = config.to_dict()
    for name in ("compact_layout", "auto_map", "model_type", "architectures", "transformers_version"):
        values.pop(name, None)
    return AutoConfig.for_model(config.model_type.removeprefix("mctl-"), **values)
