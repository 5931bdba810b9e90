"""Every setting of mctl, as one tree of models; `mctl.toml` and the flags both end up here.

A flag beats mctl.toml, mctl.toml beats a default. Unknown keys are refused, so that a typing error is not a default.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mctl.data.settings import DataSettings
from mctl.errors import UserError
from mctl.recipe_paths import DEFAULT_ARTIFACTS, VERSION, flag_path, place

RECIPE_FILE = "mctl.toml"

Precision = Literal["fp32", "fp16", "int8"]
Provider = Literal["cpu", "cuda"]
Level = Annotated[float, Field(ge=0, lt=100)]
Signal = Literal["logits", "hidden", "relations"]
DEFAULT_SIGNALS: tuple[Signal, ...] = ("logits", "hidden")
Share = Annotated[float, Field(ge=0, le=1)]
Size = Annotated[int, Field(ge=1, le=1_000_000)]


class Settings(BaseModel):
    """A section of the recipe: unknown keys are errors, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelSettings(Settings):
    """The encoder to start from."""

    name: str | None = Field(
        None, description="Hub id or folder of the pretrained encoder; user/name@REVISION pins it."
    )
    revision: str | None = Field(None, description="Branch, tag or commit on the hub.")
    trust_remote_code: bool = Field(False, description="Execute Python files that come with the model.")
    max_length: int | None = Field(
        None, ge=2, description="Texts are cut to this many tokens. Default: the teacher's, or 128."
    )


class TrainingSettings(Settings):
    """What fine-tuning and compression have in common."""

    batch_size: int = Field(32, ge=1, description="Texts per forward pass and process.")
    gradient_accumulation: int = Field(1, ge=1, description="Forward passes per step of the optimizer.")
    gradient_checkpointing: bool = Field(False, description="Compute activations twice, to hold fewer of them.")
    mixed_precision: Literal["no", "bf16", "fp16"] = Field("no", description="Number format of matrix products.")
    learning_rate: float = Field(5e-5, gt=0, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW weight decay on matrices.")
    warmup: Share = Field(0.1, description="Share of the steps in which the learning rate rises.")
    freeze_embeddings: bool | None = Field(
        None, description="Keep embeddings as they are. Default: when they hold more than half of the parameters."
    )
    seed: int = Field(42, ge=0, description="Seed of weights, dropout and batch order.")


class FinetuneSettings(TrainingSettings):
    """Training the teacher."""

    epochs: int = Field(6, ge=1, description="Passes over the training split, at most.")
    patience: int = Field(2, ge=1, description="Stop after this many epochs without a better dev accuracy.")


class CompressSettings(TrainingSettings):
    """Pruning and distillation."""

    prune: Level = Field(25.0, description="Percent of the encoder's attention and FFN weights to remove.")
    target_speedup: float | None = Field(
        None, gt=1, allow_inf_nan=False, description="Instead of prune: how many times as fast as the teacher's export."
    )
    on: Literal["cpu", "cuda"] = Field("cpu", description="Where the speed-up is measured and FFN widths should fit.")
    at: str | None = Field(
        None,
        pattern=r"^[1-9]\d{0,5}x[1-9]\d{0,5}$",
        description="Texts x tokens of a timed call. Default: 8 of the longest that texts are cut to.",
    )
    round_to: int | None = Field(
        None, ge=1, description="FFN widths are multiples of this. Default: 32, or 64 on cuda; 1 rounds nothing."
    )
    method: Literal["movement", "magnitude", "random"] = Field("movement", description="What units are scored by.")
    score_start: Literal["fisher", "equal"] = Field(
        "fisher", description="Scores of movement start by Fisher information, or equal as in the paper."
    )
    structure: Literal["units", "blocks"] = Field("units", description="Heads and FFN rows, or square blocks.")
    block: int = Field(32, ge=1, description="Side of a square block.")
    layers: int | None = Field(None, ge=1, description="Keep this many of the teacher's layers.")
    layers_by: Literal["spacing", "influence"] = Field("spacing", description="How these layers are chosen.")
    trim_vocab: Literal[True, False, "optional"] = Field(
        False, description='Drop tokens that no training text uses; "optional": where the tokenizer allows that.'
    )
    vocab_corpus: tuple[str, ...] = Field((), description="Files of further texts whose tokens stay.")
    vocab_spare: int = Field(15_000, ge=0, description="Tokens kept for texts to come, the likeliest of the others.")
    name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][\w.+-]*$",
        max_length=100,
        description="Name of the artifact. Default: what was done.",
    )
    teacher: str | None = Field(
        None, description="Folder or hub id (user/name@REVISION pins it) of a classifier fine-tuned elsewhere."
    )
    distill_from: str | None = Field(
        None, description="Folder or hub id of another classifier to learn from. Default: the teacher."
    )
    distill: tuple[Signal, ...] = Field(
        (), description="What is learnt from the teacher: logits, hidden, relations; true: logits and hidden."
    )
    temperature: float = Field(
        2.0, gt=0, allow_inf_nan=False, description="Softens both distributions of the distillation loss."
    )
    distill_weight: Share = Field(0.9, description="Share of the teacher's logits in the loss.")
    hidden_weight: float = Field(1.0, gt=0, allow_inf_nan=False, description="Factor of the loss of hidden states.")
    relations_weight: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="Factor of the loss of self-attention relations."
    )
    dropout: bool = Field(False, description="Keep the model's dropout while learning from a teacher too.")
    teacher_cache_gb: float = Field(
        4.0, ge=0, allow_inf_nan=False, description="Most disk for the teacher's hidden states and relations."
    )
    augment: int = Field(
        0, ge=0, description="Altered copies of each training text, labelled by the teacher; an epoch has them all."
    )
    unlabelled: tuple[str, ...] = Field((), description="Files of further texts for the teacher to label.")
    ramp_epochs: int = Field(6, ge=1, description="Epochs in which the prune level grows.")
    recovery_epochs: int = Field(4, ge=0, description="Epochs on the stripped model.")
    score_learning_rate: float = Field(1e-3, gt=0, description="Learning rate of the scores, which start from 0 to 1.")

    @field_validator("distill", mode="before")
    @classmethod
    def _signals(cls, value: Any) -> Any:
        """A list, true, or words between commas as a flag gives them; "default" is what a bare flag means."""
        if isinstance(value, bool) or value == "default":
            return DEFAULT_SIGNALS if value else ()
        signals = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(signals, list | tuple) or not signals:
            return signals
        known = get_args(Signal)
        if any(signal not in known for signal in signals):
            raise ValueError(f"choose from {', '.join(known)}, separated by commas")
        if "logits" not in signals:
            raise ValueError("logits are always learnt from: write logits,hidden or logits,relations")
        return tuple(signal for signal in known if signal in signals)


class ExportSettings(Settings):
    """The ONNX artifact."""

    precision: Precision = Field("fp32", description="Number format of the weights.")
    provider: Provider | None = Field(
        None, description="Where it is to run, which decides the form of the graph. Default: cuda for fp16, else cpu."
    )
    graph: Literal["plain", "attention", "fused"] | None = Field(
        None, description="Form of the graph. Default: plain for cpu, fused for cuda."
    )
    exporter: Literal["pytorch", "optimum"] = Field(
        "pytorch", description="What writes the graph. optimum needs the extra mctl[optimum], and writes plain graphs."
    )
    quantization: Literal["dynamic", "static"] = Field(
        "dynamic",
        description="int8 only. Scales of activations: of each call, or fixed beforehand on dev texts, so that a text "
        "has the same logits in any batch.",
    )
    keep_fp32: tuple[str, ...] | None = Field(
        None, description="Nodes that stay in fp32. Default: those that parity takes, found on the dev split."
    )


class MeasureSettings(Settings):
    """How latency and energy are measured."""

    batch_size: int = Field(8, ge=1, description="Texts per call.")
    warmup: int = Field(1, ge=0, description="Rounds over all batches before the clock counts.")
    repeats: int = Field(5, ge=2, description="Rounds over the timed batches in each opening of the sessions.")
    batches: int = Field(12, ge=1, description="Most batches of evaluation texts that are timed; fewer of slow models.")
    threads: int | None = Field(None, ge=1, description="Threads for both runtimes. Default: all cores.")
    provider: Provider = Field("cpu", description="Where the export runs.")
    emissions: bool = Field(True, description="Measure or estimate energy.")
    energy_seconds: float | None = Field(
        None, gt=0, description="Seconds of energy for each model. Default: a tenth of the run for all, 0.4 to 4 each."
    )
    country: str = Field("IND", pattern="^[A-Z]{3}$", description="ISO code of the grid whose carbon counts.")


class BenchSettings(Settings):
    """What `mctl bench` times and how."""

    batch: tuple[Size, ...] = Field((1, 8, 32), min_length=1, description="Texts per call, each with every length.")
    length: tuple[Size, ...] | None = Field(
        None, min_length=1, description="Tokens per text. Default: 32 and 128, as far as the models have positions."
    )
    provider: Literal["cpu", "cuda"] = Field("cpu", description="Where all of them run.")
    threads: int | None = Field(None, ge=1, description="Threads for both runtimes. Default: all cores.")
    warmup: int = Field(3, ge=0, description="Rounds of each point before the clock counts.")
    rounds: int | None = Field(
        None, ge=2, description="Timed rounds of each point. Default: what fits into seconds_per_point, 10 to 500."
    )
    seconds_per_point: float = Field(
        10.0, gt=0, allow_inf_nan=False, description="Time for the rounds of a point, where rounds says nothing."
    )
    baseline: str | None = Field(
        None, description='Folder of the artifact that ratios are against, or "none". Default: the PyTorch teacher.'
    )
    torch: bool = Field(True, description="Time the PyTorch teacher beside what is asked for.")
    memory: bool = Field(True, description="Measure peak memory, each model in a process of its own.")
    energy: bool = Field(True, description="Measure or estimate energy.")
    energy_seconds: float = Field(4.0, gt=0, allow_inf_nan=False, description="Length of each energy measurement.")
    country: str = Field("IND", pattern="^[A-Z]{3}$", description="ISO code of the grid whose carbon counts.")

    @field_validator("batch", "length", mode="before")
    @classmethod
    def _sizes(cls, value: Any) -> Any:
        """A list, one number, or numbers between commas as a flag gives them; each once, ascending."""
        parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
        numbers = [int(part) if isinstance(part, str) and part.strip().isdecimal() else part for part in parts]
        if value is None:
            return None
        if any(type(number) is not int for number in numbers):
            raise ValueError("give whole numbers, separated by commas")
        return tuple(sorted(set(numbers)))


class GateSettings(Settings):
    """Thresholds of the verdict. What is not set is reported and not judged."""

    max_logit_diff: float | None = Field(None, gt=0, description="Parity. Default by precision.")
    min_label_agreement: Share | None = Field(None, description="Parity. Default by precision.")
    max_accuracy_drop: float = Field(1.0, ge=0, description="Points of accuracy below the baseline.")
    max_macro_f1_drop: float = Field(2.0, ge=0, description="Points of macro-F1 below the baseline.")
    max_slice_drop: float = Field(
        5.0, ge=0, description="Points that a class may lose of its F1, and texts of one range of lengths of accuracy."
    )
    on_inconclusive: Literal["pass", "fail", "inconclusive"] = Field(
        "inconclusive", description="What the exit code says where the figures cannot decide: 0, 1 or 3."
    )
    min_speedup: float | None = Field(None, gt=0, description="Median latency of the baseline over the artifact's.")
    max_p95_ms: float | None = Field(None, gt=0, description="95th percentile of the latency of a call.")
    max_p95_on: str | None = Field(
        None,
        description="Processor or GPU, as `mctl doctor` names it, that max_p95_ms is meant for; cores may follow.",
    )
    max_gco2e_per_1000_texts: float | None = Field(None, gt=0, description="Emissions of inference.")
    unseen_data: bool = Field(
        False, description="Other data than the models were made from hold no text of the training: nobody has to tell."
    )
    against: Path | None = Field(None, description="validation.json of the last release, which must not be better.")
    max_slowdown: float = Field(1.1, gt=0, description="Times as long as the last release, in units of the baselines.")
    max_growth: float = Field(1.1, gt=0, description="Times as large as the last release.")


class Recipe(Settings):
    """The whole of mctl.toml."""

    artifacts: Path = Field(Path(DEFAULT_ARTIFACTS), description="Folder that artifacts are written to.")
    model: ModelSettings = ModelSettings()
    data: DataSettings = DataSettings()
    finetune: FinetuneSettings = FinetuneSettings()
    compress: CompressSettings = CompressSettings()
    export: ExportSettings = ExportSettings()
    measure: MeasureSettings = MeasureSettings()
    gate: GateSettings = GateSettings()
    bench: BenchSettings = BenchSettings()


def load_recipe(path: Path | None = None, overrides: Mapping[str, Any] | None = None, *, read: bool = True) -> Recipe:
    """The recipe of a folder.

    Paths of the result hold where the command runs: those of the file are relative to its folder, those of flags to the
    folder that the command runs in. A file without `version` is one of mctl 0.1.0, all of whose paths are relative to
    the latter; where that makes a difference, a warning is logged.

    Args:
        path: a TOML file. By default `mctl.toml` where the command runs, if there is one.
        overrides: flags, as {"section.key": value}; None means that the flag was not given.
        read: False: flags and defaults alone.

    Raises:
        UserError: the file is missing, not TOML, or has a key or value that does not fit.
    """
    given = path is not None
    path = path or Path(RECIPE_FILE)
    values = _read(path) if read and (given or path.exists()) else {}
    chosen = "artifacts" in values or (overrides or {}).get("artifacts") is not None
    place(values, path, _version(values, path))
    for dotted, value in (overrides or {}).items():
        if value is not None:
            _set(values, dotted, flag_path(dotted, value))
    _one_aim(values, path, overrides or {})
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        raise _explain(error, path, overrides or {}) from error
    if not chosen:  # An export goes beside its source unless the user says where.
        recipe.model_fields_set.discard("artifacts")
    return recipe


def _read(path: Path) -> dict[str, Any]:
    try:
        # Bytes: in text mode Python would mend line ends that are none in TOML.
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError("there is no such file.", where=str(path), todo="Write one with `mctl init`.") from error
    except OSError as error:
        raise UserError(f"it cannot be read: {error.strerror}.", where=str(path)) from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise UserError("this is UTF-16 or UTF-32, and TOML is UTF-8.", where=str(path), todo="Save it as UTF-8.")
    try:
        return tomllib.loads(content.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"line {line} is not UTF-8.", where=str(path), todo="Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:  # TOML's errors, and numbers of thousands of digits.
        raise UserError(f"this is not TOML: {error}.", where=str(path)) from error


def _version(values: dict[str, Any], path: Path) -> int:
    """Take the version of the recipe out of its values; a recipe without one is of mctl 0.1.0."""
    version = values.pop("version", 1)
    if type(version) is not int or not 1 <= version <= VERSION:
        raise UserError(
            f"a recipe has version 1 or {VERSION}, not {version!r}.",
            where=f"{path}, version",
            todo="Use the mctl that wrote it, or write a new recipe with `mctl init`.",
        )
    return version


def _set(values: dict[str, Any], dotted: str, value: Any) -> None:
    *sections, key = dotted.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            return  # A section that is no table is pydantic's to report.
        values = inner
    values[key] = value


def _one_aim(values: dict[str, Any], path: Path, overrides: Mapping[str, Any]) -> None:
    """Refuse a prune level beside a speed-up. A flag of one beats the other in the file, which is dropped."""
    section = values.get("compress")
    if not isinstance(section, dict) or not {"prune", "target_speedup"} <= section.keys():
        return
    flags = {name for name in ("prune", "target_speedup") if overrides.get(f"compress.{name}") is not None}
    if len(flags) != 1:
        raise UserError(
            "a prune level follows from a speed-up, so only one of them can be asked for.",
            where="--prune --target-speedup" if flags else f"{path}, compress.target_speedup",
            todo="Leave one of them out.",
        )
    section.pop("prune" if "target_speedup" in flags else "target_speedup")


def _explain(error: ValidationError, path: Path, overrides: Mapping[str, Any]) -> UserError:
    """The first problem as one sentence, with the flag or the file that it came from."""
    problem = error.errors()[0]
    dotted = ".".join(str(part) for part in problem["loc"])
    if dotted.split(".")[-1].isdigit():  # An item of a list: the flag is the list's.
        dotted = dotted.rpartition(".")[0]
    from_flag = overrides.get(dotted) is not None
    where = f"--{dotted.split('.')[-1].replace('_', '-')}" if from_flag else f"{path}, {dotted}"
    if problem["type"] == "extra_forbidden":
        return UserError("there is no such setting.", where=where, todo=_meant_setting(problem["loc"]))
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    given, choices = problem["input"], re.findall("'([^']+)'", str(problem.get("ctx", {}).get("expected", "")))
    near = get_close_matches(given, choices, n=1) if isinstance(given, str) else []
    return UserError(f"{message}, not {given!r}.", where=where, todo=f"Did you mean {near[0]!r}?" if near else None)


def _meant_setting(place: Sequence[str | int]) -> str:
    """The setting whose name is nearest, and where all of them are listed."""
    settings: type[BaseModel] = Recipe
    for section in place[:-1]:
        inner = settings.model_fields[str(section)].annotation
        settings = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else settings
    near = get_close_matches(str(place[-1]), settings.model_fields, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    return f"{meant}`mctl init --full --output all.toml` writes a file with all settings."
