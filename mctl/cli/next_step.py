"""The command that comes next, ready to paste from the folder that the user stands in."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mctl.artifact import Artifact
    from mctl.recipe import Recipe
    from mctl.report.schema import ValidationResult

A_TEXT = "A text to label"
"""Stands in a command for a text of the user's."""
_VERDICTS = ("validation.json", "validation-cuda.json")


def command(*words: object, config: Path | None = None) -> str:
    """A line that says what comes next.

    Args:
        words: of the command, which are quoted where the shell wants it.
        config: recipe to name, where it is not the one that is read anyway.

    Example:
        >>> command("validate", Path("my artifacts/teacher-fp32"))
        "next: mctl validate 'my artifacts/teacher-fp32'"
    """
    from mctl.recipe import RECIPE_FILE

    named = [] if config is None or str(config) == RECIPE_FILE else ["--config", str(config)]
    return f"next: {shlex.join(['mctl', *map(str, words), *named])}"


@dataclass(frozen=True)
class NextStep:
    """What comes next after a command.

    Attributes:
        recipe: of the command.
        config: the file that the recipe was read from, if it has to be named.
        artifacts: the flag `--artifacts` of the command.
    """

    recipe: Recipe
    config: Path | None
    artifacts: Path | None

    def after_artifact(self, artifact: Artifact) -> str:
        """Compress a teacher, export a compressed artifact, judge an export, and show the verdict of a judged one."""
        kind, folder = artifact.manifest.kind, artifact.folder
        if kind == "teacher":
            asked = [] if self.recipe.compress.distill else ["--prune", "25", "--distill"]
            return self._making(folder, "compress", *asked)
        if kind == "compressed":
            return self._making(folder, "export", folder)
        if _is_judged(folder):
            return command("report", folder)
        return command("validate", folder, config=self.config)

    def after_prediction(self, artifact: Artifact, *, of_file: bool) -> str:
        """Label the file of test texts after single texts; then what follows on the artifact, or how fast it is.

        Args:
            artifact: what was asked.
            of_file: a file was labelled.
        """
        if of_file and _is_judged(artifact.folder):
            return command("bench", artifact.folder)
        labelling = None if of_file else self._labelling(artifact)
        return labelling or self.after_artifact(artifact)

    def after_verdict(self, result: ValidationResult, folder: Path, *, seen: bool = False) -> str:
        """Use what has passed, mend what has failed, look closer at what is not decided.

        Args:
            result: the verdict.
            folder: of the export.
            seen: all checks have been shown.
        """
        from mctl.artifact import load_artifact

        if result.verdict == "error":
            return command("validate", folder, config=self.config)
        artifact = load_artifact(folder)
        failed = {check.group for check in result.checks if check.verdict == "fail"}
        if result.verdict == "pass":
            return self.using(artifact)
        if "accuracy" in failed and (level := self._lower_level()):
            return self._making(folder, "compress", "--prune", level, "--distill")
        if "parity" in failed and artifact.manifest.facts["precision"] != "fp32":
            return self._making(folder, "export", folder.parent / artifact.manifest.parents[0].name, "--fp32")
        if "latency" in failed:
            return command("bench", folder)
        closer = failed <= {"accuracy"} and not seen
        return command("report", folder, "--verbose") if closer else command("inspect", folder)

    def using(self, artifact: Artifact) -> str:
        """Label the file of test texts, if there is one here; else a text."""
        return self._labelling(artifact) or command("predict", A_TEXT, "--artifact", artifact.folder)

    def _labelling(self, artifact: Artifact) -> str | None:
        """Label the file of test texts that an artifact was made with, unless that has been done."""
        from mctl.data.read import has_reader
        from mctl.pipeline.inherit import file_of_test_texts

        path = file_of_test_texts(artifact)
        if path is None or not has_reader(path):
            return None
        labelled = Path(f"{path.name.split('.')[0]}-labelled{_written_ending(path)}")
        if labelled.exists():
            return None
        return command("predict", path, "--artifact", artifact.folder, "--output", labelled)

    def _lower_level(self) -> str | None:
        level = self.recipe.compress.prune / 2
        return f"{level:g}" if level >= 1 and self.recipe.compress.target_speedup is None else None

    def _making(self, folder: Path, *words: object) -> str:
        """A command that makes an artifact beside `folder`."""
        root = folder.parent
        elsewhere = self.artifacts is not None or root.resolve() != self.recipe.artifacts.resolve()
        return command(*words, *(["--artifacts", root] if elsewhere else []), config=self.config)


def _is_judged(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _VERDICTS)


def _written_ending(path: Path) -> str:
    """The ending of what `mctl predict` writes for a file: TSV and JSON their own, CSV for the others."""
    name = path.name.casefold().removesuffix(".gz")
    return next(
        (ending for ending in (".tsv", ".jsonl") if name.endswith(ending)),
        ".jsonl" if name.endswith(".json") else ".csv",
    )
