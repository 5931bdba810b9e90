"""Who takes part in a benchmark, against whom, and on calls of which sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mctl.artifact import Artifact, artifacts_in, load_artifact
from mctl.errors import UserError
from mctl.pipeline.export import MODEL_FILE
from mctl.pipeline.lineage import origin
from mctl.pipeline.loading import load_config, load_tokenizer
from mctl.pipeline.runtime_version import check_runtime
from mctl.pipeline.scoring import Runner
from mctl.pipeline.sessions import Provider, onnx_runner, torch_runner
from mctl.progress import Progress
from mctl.recipe import BenchSettings, ModelSettings

NO_BASELINE = "none"
_USUAL_LENGTHS = (32, 128)


@dataclass(frozen=True)
class Entry:
    """A participant: an artifact under a name of its own, and the inputs that it is given."""

    name: str
    artifact: Artifact
    inputs: tuple[str, ...]

    @property
    def is_export(self) -> bool:
        """Whether onnxruntime runs it, and not PyTorch."""
        return self.artifact.manifest.kind == "export"

    @property
    def model(self) -> Path:
        """What is loaded: the graph of an export, else the folder."""
        return self.artifact.folder / MODEL_FILE if self.is_export else self.artifact.folder

    def runner(self, provider: Provider, threads: int) -> Runner:
        """It as a callable.

        Raises:
            UserError: it cannot be loaded, or the provider is not there.
        """
        if self.is_export:
            return onnx_runner(self.artifact.folder, provider, threads)
        return torch_runner(self.artifact.folder, self.inputs, provider)


@dataclass(frozen=True)
class Lineup:
    """Participants, the baseline first if there is one.

    Attributes:
        baseline: its name.
        vocabulary: token ids below this are known to all of them.
        positions: the longest text, in tokens, that all of them take.
    """

    entries: tuple[Entry, ...]
    baseline: str | None
    vocabulary: int
    positions: int


def line_up(settings: BenchSettings, root: Path, folders: Sequence[Path], progress: Progress) -> Lineup:
    """Open what is to be timed, and find the baseline.

    Args:
        root: where artifacts are.
        folders: artifacts to time, of any kind; without any, every export in `root`.

    Raises:
        UserError: no such artifact, no export, several baselines or none that can be found.
    """
    given = [load_artifact(folder) for folder in folders] or _exports(root, progress)
    baseline = _baseline(settings, given)
    for artifact in given:
        if artifact.manifest.kind == "export":
            check_runtime(artifact)
    if baseline is not None:
        at = next((index for index, artifact in enumerate(given) if _same(artifact, baseline)), None)
        given = [baseline, *(artifact for index, artifact in enumerate(given) if index != at)]
    entries = tuple(
        Entry(name, artifact, _inputs(artifact)) for name, artifact in zip(_names(given), given, strict=True)
    )
    return _described(entries, None if baseline is None else entries[0].name)


def lengths_of(settings: BenchSettings, lineup: Lineup) -> tuple[int, ...]:
    """Tokens of the texts that are timed, ascending.

    Raises:
        UserError: more were asked for than one of the models has positions for.
    """
    if settings.length is None:
        return tuple(length for length in _USUAL_LENGTHS if length <= lineup.positions) or (lineup.positions,)
    if settings.length[-1] > lineup.positions:
        raise UserError(
            f"{settings.length[-1]} tokens are more than the {lineup.positions} positions of these models.",
            where="--length",
            todo=f"Ask for {lineup.positions} or fewer.",
        )
    return settings.length


def _exports(root: Path, progress: Progress) -> list[Artifact]:
    found = artifacts_in(root, ("export",))
    if not found:
        raise UserError(f"there is no export in {root}.", todo="Run `mctl export` first, or name artifacts.")
    progress.say(f"timing every export in {root}: {', '.join(artifact.name for artifact in found)}")
    return found


def _baseline(settings: BenchSettings, given: Sequence[Artifact]) -> Artifact | None:
    if settings.baseline == NO_BASELINE:
        return None
    if settings.baseline is not None:
        return load_artifact(Path(settings.baseline))
    if not settings.torch:
        return given[0]
    teachers = {teacher.folder.resolve(): teacher for teacher in map(_teacher, given)}
    if len(teachers) > 1:
        raise UserError(
            f"these artifacts go back to {len(teachers)} teachers: {', '.join(map(str, teachers))}.",
            where="--baseline",
            todo="Name one artifact that all are held against, or none.",
        )
    return next(iter(teachers.values()))


def _teacher(artifact: Artifact) -> Artifact:
    try:
        return origin(artifact)
    except UserError as error:
        todo = f"{error.todo} Or name another baseline with --baseline FOLDER, or time without the teacher: --no-torch."
        raise UserError(error.what, where=error.where, todo=todo) from error


def _same(one: Artifact, other: Artifact) -> bool:
    return one.folder.resolve() == other.folder.resolve()


def _names(artifacts: Sequence[Artifact]) -> list[str]:
    """A name for each: its folder's; with what is above it where two folders share one; numbered if it comes again."""
    resolved = [artifact.folder.resolve() for artifact in artifacts]
    shared = Counter(folder.name for folder in set(resolved))
    names, seen = [], Counter[str]()
    for folder in resolved:
        name = folder.name if shared[folder.name] == 1 else str(folder)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _inputs(artifact: Artifact) -> tuple[str, ...]:
    """What its graph was exported with; for PyTorch what an export of it would have."""
    if artifact.manifest.kind == "export":
        return tuple(artifact.manifest.facts["inputs"])
    return tuple(load_tokenizer(ModelSettings(name=str(artifact.folder))).model_input_names)


def _described(entries: tuple[Entry, ...], baseline: str | None) -> Lineup:
    from mctl.compression.families import family_of

    configs = [load_config(ModelSettings(name=str(entry.artifact.folder))) for entry in entries]
    return Lineup(
        entries=entries,
        baseline=baseline,
        vocabulary=min(config.vocab_size for config in configs),
        positions=min(family_of(config).positions(config) for config in configs),
    )
