"""PyTorch artifact in, ONNX artifact out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mctl.artifact import Artifact, load_artifact, newest_artifact, seal, stage_key, writing
from mctl.errors import UserError
from mctl.pipeline.dataset import load_stage_data
from mctl.pipeline.energy import making
from mctl.pipeline.inherit import resolved
from mctl.pipeline.loading import class_order, load_classifier, load_config, load_tokenizer
from mctl.pipeline.narrowing import Examples, narrow
from mctl.pipeline.saving import save_tokenizer
from mctl.pipeline.scoring import input_names
from mctl.pipeline.stage import finished, manifest
from mctl.progress import Progress
from mctl.recipe import ExportSettings, ModelSettings, Precision, Provider, Recipe

MODEL_FILE = "model.onnx"

# What each precision is for, and the form of graph that is fastest there (benchmarks/graph_forms.py).
_PROVIDER_OF: Mapping[Precision, Provider] = {"fp32": "cpu", "fp16": "cuda", "int8": "cpu"}
_FORM_ON: Mapping[Provider, str] = {"cpu": "plain", "cuda": "fused"}
# A label that turns in a hundred is seen on some hundreds of texts, and a search goes over them some ten times.
_MOST_EXAMPLES = 512

Narrowing = Callable[[Path, Path], dict[str, Any]]


def export(recipe: Recipe, progress: Progress, source: Path | None = None) -> Artifact:
    """Export a PyTorch artifact in the precision of `[export]`.

    Args:
        source: folder of a teacher or a compressed artifact. By default the newest of either.

    Raises:
        UserError: there is no such artifact.
    """
    from mctl.exporters.runtime_version import onnxruntime_needed

    artifact = _source(recipe, source, progress)
    settings = _settled(recipe.export)
    folder = export_place(_root(recipe, artifact, progress), artifact.name, settings)
    key = stage_key("export", settings.model_dump(), {"source": artifact.as_parent().manifest_sha256})
    if done := finished(folder, "export", key, progress):
        return done
    started = time.monotonic()
    named = ModelSettings(name=str(artifact.folder))
    model = load_classifier(named).eval()
    tokenizer = load_tokenizer(named)
    names = input_names(tokenizer, model)
    looks = settings.precision == "int8" or (settings.precision == "fp16" and settings.keep_fp32 is None)
    examples = _examples(recipe, artifact, tokenizer, names, progress) if looks else None
    if settings.quantization == "static" and examples is None:
        raise UserError(
            "static quantization fixes its scales on dev texts, and there are none at hand.",
            where="--quantization static",
            todo="Say in [data] where the data are, or leave --quantization out.",
        )

    def narrowed(full: Path, target: Path) -> dict[str, Any]:
        return narrow(full, target, settings, examples, recipe.gate, progress)

    progress.start(f"export {settings.precision}", 1)
    with making(recipe.measure, progress) as spent, writing(folder) as temporary:
        facts = _write_graph(model, temporary, settings, names, narrowed)
        facts["onnxruntime"] = onnxruntime_needed(temporary / MODEL_FILE)
        facts |= {name: artifact.manifest.facts[name] for name in ("layout", "parameters", "max_length")}
        facts |= _before(artifact)
        facts |= {"seconds": time.monotonic() - started, **spent()}
        _stock_config(model.config).save_pretrained(temporary)
        save_tokenizer(tokenizer, temporary)
        complete = manifest("export", folder, key, recipe, parents=[artifact], data=artifact.manifest.data, facts=facts)
        made = seal(temporary, folder, complete)
    progress.finish()
    ratio = facts["bytes"] / facts["fp32_bytes"]
    progress.say(f"{MODEL_FILE}: {facts['bytes'] / 1e6:.1f} MB, {ratio:.3f} of fp32")
    return made


def export_place(root: Path, source: str, settings: ExportSettings) -> Path:
    """Where an export goes, by the folder of artifacts and the name of its source."""
    return root / f"{source}-{_suffix(_settled(settings))}"


def _before(source: Artifact) -> dict[str, Any]:
    """What the teacher was, and which of its layers stayed: known to the export also where its source has gone."""
    facts = source.manifest.facts
    before = facts.get("before") or {name: facts[name] for name in ("layout", "parameters")}
    return {"before": before, "layers": facts.get("layers") or list(range(len(facts["layout"]["heads"])))}


def _settled(settings: ExportSettings) -> ExportSettings:
    """With the defaults that depend on other settings filled in.

    Raises:
        UserError: a form of graph that the exporter does not write, or static quantization of another precision.
    """
    if settings.quantization == "static" and settings.precision != "int8":
        raise UserError(
            f"static is a way to quantize to int8, not {settings.precision}.",
            where="--quantization static",
            todo="Add --int8, or leave it out.",
        )
    provider = settings.provider or _PROVIDER_OF[settings.precision]
    if settings.exporter == "optimum":
        if settings.graph not in {None, "plain"}:
            raise UserError(
                f"optimum writes plain graphs, not {settings.graph} ones.",
                where="--exporter optimum",
                todo="Leave one of --graph and --exporter out.",
            )
        return settings.model_copy(update={"provider": provider, "graph": "plain"})
    return settings.model_copy(update={"provider": provider, "graph": settings.graph or _FORM_ON[provider]})


def _suffix(settings: ExportSettings) -> str:
    """What the name says of an export: its precision, and what is not as that precision has it by default."""
    asked = ExportSettings(precision=settings.precision, provider=settings.provider, exporter=settings.exporter)
    usual = _settled(asked)
    provider = settings.provider if settings.provider != _PROVIDER_OF[settings.precision] else None
    graph = settings.graph if settings.graph != usual.graph else None
    fixed = "static" if settings.quantization == "static" else None
    exporter = "optimum" if settings.exporter == "optimum" else None
    return "-".join(part for part in (settings.precision, fixed, provider, graph, exporter) if part)


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


def _write_graph(
    model: Any, folder: Path, settings: ExportSettings, names: Sequence[str], narrowed: Narrowing
) -> dict[str, Any]:
    """The ONNX file, and what there is to say of it.

    Args:
        narrowed: fp32 file and file to write in; what the manifest says of the conversion out.
    """
    from mctl.exporters.errors import ExportError

    target, full = folder / MODEL_FILE, folder / "fp32" / MODEL_FILE
    facts: dict[str, Any] = {
        "precision": settings.precision,
        "provider": settings.provider,
        "exporter": settings.exporter,
        "inputs": list(names),
        "outputs": ["logits"],
    }
    try:
        if settings.precision == "fp32":
            facts["graph"] = _fp32(model, target, settings, names)
            return facts | {"bytes": _size(target), "fp32_bytes": _size(target)}
        facts["graph"] = _fp32(model, full, settings, names)
        facts["conversion"] = narrowed(full, target)
    except ExportError as error:
        raise UserError(f"{error}.", where="export", todo="`mctl doctor` lists the versions at work.") from error
    facts |= {"bytes": _size(target), "fp32_bytes": _size(full)}
    shutil.rmtree(full.parent)
    return facts


def _fp32(model: Any, target: Path, settings: ExportSettings, names: Sequence[str]) -> dict[str, Any]:
    """Writes the graph before any conversion; what the exporter says of it."""
    from mctl.exporters.graph import export_fp32
    from mctl.exporters.with_optimum import export_with_optimum

    if settings.exporter == "optimum":
        return _report(export_with_optimum(model, target, config=_stock_config(model.config), input_names=names))
    packed = settings.precision != "int8"
    return _report(export_fp32(model, target, input_names=names, form=settings.graph or "plain", packed=packed))


def _examples(
    recipe: Recipe, artifact: Artifact, tokenizer: Any, names: Sequence[str], progress: Progress
) -> Examples | None:
    """The dev texts that the model was made with; None, and a word on it, where they are not at hand."""
    try:
        classes = class_order(load_config(ModelSettings(name=str(artifact.folder))))
        data = load_stage_data(resolved(recipe, artifact).data, progress, classes)
    except UserError as error:
        progress.say(f"parity is left to `mctl validate`, since the data cannot be read here: {error.what}")
        return None
    texts = data.splits["dev"].texts
    few = [texts[row] for row in range(min(len(texts), _MOST_EXAMPLES))]
    return Examples.of(few, tokenizer, names, int(artifact.manifest.facts["max_length"]))


def _report(result: Any) -> dict[str, Any]:
    """An exporter's report for the manifest, which lists files itself and knows no folder of the machine."""
    return {name: value for name, value in asdict(result).items() if name != "files"}


def _size(path: Path) -> int:
    """Bytes of a graph and of the weights beside it."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def _stock_config(config: Any) -> Any:
    """The configuration without the layout: the graph has it, and readers of ONNX folders know stock types alone."""
    from transformers import AutoConfig

    values = config.to_dict()
    for name in ("compact_layout", "auto_map", "model_type", "architectures", "transformers_version"):
        values.pop(name, None)
    return AutoConfig.for_model(config.model_type.removeprefix("mctl-"), **values)
