"""Does a damaged file of a model, an artifact or a recipe end in words, in time, and never in another model?

    python benchmarks/mutations.py [--cases 1000] [--seed 0] [--commands 12] [--processes 2]

Makes small classifiers of every family, stock and compressed, an export and a recipe. Then changes one or two values of
config.json, the tokenizer's files, model.safetensors.index.json, manifest.json or mctl.toml, or bytes of the file, and
has mctl read it as a command would. Each case is a process of its own, ended after a time limit. What it may do:

- refuse, with a `UserError`,
- load, where names and sizes of all weights are those in the headers of the safetensors files.

Anything else is a violation: a traceback, a hang, a weight that is missing, left over or of another size. A sample of
the cases is run again as whole commands. Whether a changed value is one that is read is found out by recording: the
keys that Python asks of the parsed file while the unchanged one is loaded; of tokenizer.json, which tokenizers reads in
Rust and whole, every key counts but `version`. Exits with 1 at any violation, or where fewer than half of the changes
are to a value that is read.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import transformers
from safetensors import safe_open

from mctl.artifact import MANIFEST, Manifest, load_artifact
from mctl.errors import UserError
from mctl.recipe import ModelSettings, load_recipe
from mctl.samples import headlines, tiny_model, write_csv

LIMIT_SECONDS = 60
FAMILIES = {
    "bert": ("BertConfig", {}),
    "roberta": ("RobertaConfig", {"pad_token_id": 1}),
    "xlm-roberta": ("XLMRobertaConfig", {"pad_token_id": 1}),
    "distilbert": ("DistilBertConfig", {}),
    "electra": ("ElectraConfig", {"embedding_size": 12}),
}
COUNTS = ("total", "encoder", "encoder_weights", "embeddings")
NAMES = {"0": "Sports", "1": "Health", "2": "Politics"}
# Keys that transformers' files may have and these lack: adding one is a mutation too.
ADDED: dict[str, tuple[str, ...]] = {
    "config.json": (
        "position_embedding_type", "is_decoder", "add_cross_attention", "pruned_heads", "quantization_config",
        "torchscript", "return_dict", "num_labels", "label2id", "problem_type", "auto_map", "output_attentions",
        "output_hidden_states", "attn_implementation", "transformers_weights", "chunk_size_feed_forward", "dtype",
        "tie_word_embeddings", "classifier_dropout", "is_encoder_decoder",
    ),
    "tokenizer_config.json": (
        "extra_special_tokens", "additional_special_tokens", "do_lower_case", "strip_accents", "padding_side",
        "truncation_side", "add_prefix_space", "model_max_length", "added_tokens_decoder", "auto_map",
    ),
}  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 7, 2.0, 0.5, -0.5, 1e999, float("nan"), 10**9, 10**30, "", "0", "abc", "gelu",
    "relative_key", "\ud800", "क्", [], [1], ["a", "b", "c"], {}, {"a": 1}, {"0": "a", "1": "b", "2": "c"},
    {"0": [1]}, [[]], "x" * 5000,
)  # fmt: skip
Keys = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class Subject:
    """A folder, one file of it, and what of the file is read.

    Attributes:
        read: keys of the file that are asked for, by their path; of lists, the indices.
        logits: of the unchanged model on two texts.
    """

    folder: Path
    file: str
    read: frozenset[Keys]
    logits: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """One changed file.

    Attributes:
        content: the file.
        change: in words.
        reads: whether a value that is read was changed.
    """

    subject: Subject
    content: bytes
    change: str
    reads: bool


def make_subjects(root: Path) -> list[Subject]:
    """Folders to be damaged; what is read of each file is recorded while it is whole."""
    from mctl.compression.strip import copy_modeling_code, live_units, strip

    rows = headlines(1, 120)
    write_csv(root / "news.csv", rows)
    tiny_model(root / "tiny", [text for text, _ in rows], 1, ("Sports", "Health", "Politics"))
    folders = []
    for family, (name, options) in FAMILIES.items():
        torch.manual_seed(0)
        vocabulary = len(transformers.AutoTokenizer.from_pretrained(root / "tiny"))
        sizes = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 48}
        config = getattr(transformers, name)(vocab_size=vocabulary, max_position_embeddings=64, num_labels=3, **options)
        for key, size in sizes.items():
            setattr(config, key, size)
        config.id2label = {int(key): value for key, value in NAMES.items()}
        config.label2id = {value: int(key) for key, value in NAMES.items()}
        model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
        with torch.no_grad():  # A head of the first layer that does nothing, so that the compact model is smaller.
            for parameter in model.base_model.parameters():
                parameter.mul_(5)
        compact = strip(model, live_units(model))
        for kind, saved in (("", model), ("-compact", compact)):
            folder = root / f"{family}{kind}"
            saved.save_pretrained(folder, **({"max_shard_size": "40KB"} if family == "bert" and not kind else {}))
            if kind:
                copy_modeling_code(folder)
            for file in ("tokenizer.json", "tokenizer_config.json"):
                shutil.copy(root / "tiny" / file, folder / file)
            folders.append(folder)
    subjects = [
        Subject(folder, file, _read_keys(folder, file), logits)
        for folder, logits in [(folder, _use(folder)[1]) for folder in folders]
        for file in ("config.json", "tokenizer_config.json", "tokenizer.json", "model.safetensors.index.json")
        if (folder / file).is_file()
    ]
    return [*subjects, _recipe(root), *_artifacts(root, folders)]


def _recipe(root: Path) -> Subject:
    """A recipe with every key that there is; all of them are read."""
    from mctl.recipe_file import recipe_text

    folder = root / "recipe"
    folder.mkdir()
    (folder / "mctl.toml").write_text(recipe_text({}), encoding="utf-8")
    return Subject(folder, "mctl.toml", frozenset())


def _artifacts(root: Path, folders: list[Path]) -> Iterator[Subject]:
    """A teacher and a compressed artifact; their manifests hold what commands read."""
    from mctl.compression.layout import count_parameters, layout_of
    from mctl.pipeline.loading import load_classifier

    for folder in folders[:2]:
        sealed = root / f"artifact-{folder.name}"
        shutil.copytree(folder, sealed)
        model = load_classifier(ModelSettings(name=str(folder)))
        layout, counts = layout_of(model), count_parameters(model)
        facts = {
            "layout": {"heads": list(layout.heads), "ffn": list(layout.ffn)},
            "parameters": {name: getattr(counts, name) for name in COUNTS},
            "max_length": 16, "test": {"accuracy": 0.5, "macro_f1": 0.5, "texts": 12}, "seconds": 1.0,
        }  # fmt: skip
        if folder.name.endswith("compact"):
            facts["before"] = {name: facts[name] for name in ("layout", "parameters")}
            facts["pruning"] = {"masked_percent": 0.0, "removed_percent": 0.0, "strip_max_abs_logit_diff": 0.0}
            facts["layers"] = [0, 1]
        kind = "compressed" if folder.name.endswith("compact") else "teacher"
        content = {
            "kind": kind,
            "name": sealed.name,
            "key": "k",
            "created": "2026-01-01T00:00:00+00:00",
            "facts": facts,
        }
        manifest = Manifest.model_validate(content).digested()
        (sealed / MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
        load_artifact(sealed)
        yield Subject(sealed, MANIFEST, frozenset())


class _Recording(dict[str, Any]):
    """A parsed object that notes which of its keys are asked for."""

    def __init__(self, content: dict[str, Any], at: Keys, seen: set[Keys]) -> None:
        super().__init__({key: _recording(value, (*at, key), seen) for key, value in content.items()})
        self._at, self._seen = at, seen

    def _note(self, key: object) -> None:
        if isinstance(key, str) and super().__contains__(key):
            self._seen.add((*self._at, key))

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        self._note(key)
        return super().pop(key, *default)

    def items(self) -> Any:
        for key in self:
            self._note(key)
        return super().items()

    def values(self) -> Any:
        for key in self:
            self._note(key)
        return super().values()


def _recording(value: Any, at: Keys, seen: set[Keys]) -> Any:
    return _Recording(value, at, seen) if isinstance(value, dict) else value


def _read_keys(folder: Path, name: str) -> frozenset[Keys]:
    """The keys of one file that are asked for while the folder is loaded.

    transformers hands config.json over as keyword arguments, which asks for no key by name. There, what mctl and the
    models ask of the configuration counts, attribute by attribute.
    """
    if name == "tokenizer.json":
        content = json.loads((folder / name).read_bytes())
        return frozenset(at for at, _ in _leaves(content) if at[0] != "version")
    seen: set[Keys] = set()
    loads, asked = json.loads, set[str]()
    own = (folder / name).read_bytes()

    def recorded(text: Any, *options: Any, **named: Any) -> Any:
        content = loads(text, *options, **named)
        same = (text.encode() if isinstance(text, str) else bytes(text)) == own
        return _recording(content, (), seen) if same and isinstance(content, dict) else content

    get = transformers.PretrainedConfig.__getattribute__

    def attribute(self: Any, key: str) -> Any:
        caller = str(sys._getframe(1).f_globals.get("__name__", ""))
        if caller.startswith(("mctl.", "transformers.models.", "transformers.integrations", "transformers.masking")):
            asked.add(key)
        return get(self, key)

    with (
        mock.patch("json.loads", recorded),
        mock.patch.object(transformers.PretrainedConfig, "__getattribute__", attribute),
    ):
        _use(folder)
    if name == "config.json":
        seen |= {(key,) for key in asked & json.loads(own).keys()}
    return frozenset(seen)


def _use(folder: Path) -> tuple[Any, Any]:
    """Read a folder as `mctl compress --teacher` does."""
    from mctl.pipeline.loading import (
        check_length,
        check_tokenizer,
        class_order,
        load_classifier,
        load_config,
        load_tokenizer,
    )

    settings = ModelSettings(name=str(folder))
    config = load_config(settings)
    check_length(config, 16)
    class_order(config)
    tokenizer = load_tokenizer(settings)
    check_tokenizer(tokenizer, config, settings)
    model = load_classifier(settings).eval()
    encoded = tokenizer(["मुंबईत आज पाऊस", "क्रिकेट"], padding=True, truncation=True, max_length=16, return_tensors="pt")
    with torch.no_grad():
        logits = model(**encoded).logits
    assert logits.shape == (2, model.config.num_labels)
    return model, logits


def _leaves(content: Any, at: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """All values of a parsed file, objects and lists included, by their path."""
    if at:
        yield at, content
    inner: Any = (
        content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    )
    for key, value in inner:
        yield from _leaves(value, (*at, key))


def make_case(subject: Subject, draw: random.Random) -> Case:
    """Change one or two values, or bytes."""
    path = subject.folder / subject.file
    original = path.read_bytes()
    if draw.random() < 0.12:
        return _bytes_case(subject, original, draw)
    if path.suffix == ".toml":
        return _toml_case(subject, original.decode(), draw)
    content, words, reads = json.loads(original), [], False
    for _ in range(draw.choice((1, 1, 1, 2))):
        at = _choose(content, subject, draw)
        words.append(_change(content, at, draw))
        reads = reads or _is_read(subject, at)
    if subject.file == MANIFEST and draw.random() < 0.7:
        # With a digest that fits, so that what it says is looked at.
        with contextlib.suppress(ValueError, TypeError):
            content = json.loads(Manifest.model_validate(content).digested().model_dump_json())
    changed = json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Case(subject, changed, "; ".join(words), reads and changed != original)


def _choose(content: Any, subject: Subject, draw: random.Random) -> Keys:
    """Where to change: most often what is read, else anywhere, else a key that may be added."""
    places = [at for at, _ in _leaves(content)] or [("added",)]
    read = [at for at in places if at in subject.read]
    if read and draw.random() < 0.6:
        return draw.choice(read)
    if subject.file in ADDED and draw.random() < 0.4:
        return (draw.choice(ADDED[subject.file]),)
    if subject.file == "tokenizer.json" and draw.random() < 0.8:  # Most leaves are pieces of the vocabulary.
        places = [at for at in places if at[:2] != ("model", "vocab")] or places
    return draw.choice(places)


def _is_read(subject: Subject, at: Keys) -> bool:
    if subject.file == MANIFEST:
        return True  # Its digest is over the whole file.
    # An added key is one of those that config.json and tokenizer_config.json may have, which are asked for by name.
    return any(at[: len(known)] == known or known[: len(at)] == at for known in subject.read) or (
        len(at) == 1 and at[0] in ADDED.get(subject.file, ())
    )


def _change(content: Any, at: Keys, draw: random.Random) -> str:
    """Set, remove or swap the value at a path; in words."""
    holder = content
    for key in at[:-1]:
        holder = holder[key]
    last: Any = at[-1]
    name = ".".join(map(str, at))
    old = holder[last] if not isinstance(holder, dict) or last in holder else None
    if draw.random() < 0.15 and (not isinstance(holder, dict) or last in holder):
        del holder[last]
        return f"{name} removed"
    holder[last] = _another(old, draw)
    return f"{name} = {holder[last]!r}"[:120]


def _another(old: Any, draw: random.Random) -> Any:
    """A value near the old one, or an odd one."""
    near: list[Any] = []
    if isinstance(old, bool):
        near = [not old, int(old), str(old).lower()]
    elif isinstance(old, int | float):
        near = [old + 1, old - 1, old * 2, float(old), str(old), -old]
    elif isinstance(old, str):
        near = [old.upper(), old + " ", old[:-1], old[::-1], [old]]
    elif isinstance(old, list):
        near = [old[:-1], [*old, *old], dict(enumerate(map(str, old)))]
    elif isinstance(old, dict):
        near = [list(old.values()), dict(list(old.items())[:-1]), dict(zip(old, reversed(old.values()), strict=True))]
    return draw.choice(near if near and draw.random() < 0.5 else ODD)


def _bytes_case(subject: Subject, original: bytes, draw: random.Random) -> Case:
    start = draw.randrange(len(original))
    kind, changed = draw.choice(
        [
            ("cut", original[:start]),
            ("byte", original[:start] + bytes([draw.randrange(256)]) + original[start + 1 :]),
            ("piece removed", original[:start] + original[start + draw.randrange(1, 40) :]),
            ("piece twice", original[: start + 20] + original[start:]),
            ("byte order mark", b"\xef\xbb\xbf" + original),
            ("UTF-16", original.decode().encode("utf-16")),
            ("deep", b"[" * 100_000),
            ("empty", b""),
        ]
    )
    # A change within a file that is still whole may be to a comment or a key that nobody reads: not counted.
    return Case(subject, changed, f"bytes: {kind} at {start}", kind in {"cut", "deep", "empty", "UTF-16"})


def _toml_case(subject: Subject, text: str, draw: random.Random) -> Case:
    """One key of the recipe, most of which are comments that name the default."""
    lines = text.splitlines()
    settable = [number for number, line in enumerate(lines) if "=" in line and line.lstrip("# ")[:1].isalpha()]
    number = draw.choice(settable)
    key, _, value = lines[number].lstrip("# ").partition("=")
    odd = draw.choice(
        ("-1", "0", "1e999", "nan", '"abc"', "true", "[]", "[1]", "{}", "2026-02-30", "1_000_000_000_000", '"\\ud800"',
         '""', "0.25", "'~'", value.partition("#")[0].strip() + "0", "inf", "'''", '["logits", 3]')
    )  # fmt: skip
    lines[number] = f"{key.strip()} = {odd}"
    return Case(subject, "\n".join(lines).encode(), lines[number], True)


def read_case(case: Case, root: Path) -> str:
    """What became of it: "refused", "loaded" or "loaded, equal"; else the violation."""
    folder = root / f"case-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(case.subject.folder, folder)
    (folder / case.subject.file).write_bytes(case.content)
    try:
        return _read(case, folder)
    except UserError as refusal:
        message = str(refusal)
        return "refused" if message.endswith((".", "?", "!")) and "\n" not in message else f"not a paragraph: {message}"
    except BaseException:
        return f"traceback: {traceback.format_exc(limit=-4)}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(case: Case, folder: Path) -> str:
    if case.subject.file == "mctl.toml":
        load_recipe(folder / "mctl.toml")
        return "loaded"
    if case.subject.file == MANIFEST:
        load_artifact(folder)
        return _inspected(folder)
    model, logits = _use(folder)
    wrong = difference(model, folder)
    if wrong:
        return f"wrong load: {wrong}"
    same = case.subject.logits is not None and torch.equal(logits, case.subject.logits)
    return "loaded, equal" if same else "loaded"


def _inspected(folder: Path) -> str:
    """Show an artifact as `mctl inspect` does."""
    ran = _command(["inspect", str(folder)])
    return "loaded" if ran[0] == 0 else "refused" if ran[0] == 2 else f"exit {ran[0]}: {ran[1][-1500:]}"


def _command(arguments: list[str]) -> tuple[int, str]:
    """A command in this process."""
    from mctl.cli import main

    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["mctl", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0), err.getvalue()
    return 0, err.getvalue()


def difference(model: Any, folder: Path) -> str:
    """How names and sizes of a loaded model differ from the headers of its files; "" where they do not."""
    stored: dict[str, tuple[int, ...]] = {}
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            stored |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    own = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    odd = sorted(name for name in stored.keys() | own.keys() if stored.get(name) != own.get(name))
    return ", ".join(f"{name}: stored {stored.get(name)}, loaded {own.get(name)}" for name in odd[:3])


def in_time(case: Case, root: Path, limit: float = LIMIT_SECONDS) -> str:
    """`read_case` in a process of its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def work() -> None:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 (what libraries print is no part of the result)
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            theirs.send(read_case(case, root))

    process = context.Process(target=work)
    process.start()
    theirs.close()
    try:
        if not ours.poll(limit):
            return f"hang: more than {limit} s"
        return str(ours.recv())
    except EOFError:
        process.join()
        return f"died: exit code {process.exitcode}"
    finally:
        process.kill()
        process.join()


def as_command(case: Case, root: Path) -> str:
    """The same as a whole command, as a user runs it."""
    folder = Path(tempfile.mkdtemp(prefix="command-", dir=root))
    shutil.copytree(case.subject.folder, folder / "model")
    (folder / "model" / case.subject.file).write_bytes(case.content)
    commands = {
        "mctl.toml": ["finetune", "-c", "model/mctl.toml", "--model", "nothing/here", "--data", "../news.csv"],
        MANIFEST: ["inspect", "model"],
    }
    # A level that no layout reaches: everything is read, and nothing is trained.
    teacher = ["compress", "--teacher", "./model", "--data", "../news.csv", "--prune", "99.9", "--max-length", "16"]
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "mctl", *commands.get(case.subject.file, teacher)],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False, errors="replace",
    )  # fmt: skip
    shutil.rmtree(folder)
    return "" if ran.returncode in {0, 2} and "Traceback" not in ran.stderr else f"exit {ran.returncode}: {ran.stderr}"


def table(found: list[tuple[Case, str]]) -> str:
    """Counts by file and outcome."""
    by_file: dict[str, Counter[str]] = {}
    for case, outcome in found:
        kind = outcome if outcome in {"refused", "loaded", "loaded, equal"} else "violation"
        by_file.setdefault(case.subject.file, Counter())[kind] += 1
        by_file[case.subject.file]["of what is read"] += case.reads
    kinds = ("refused", "loaded", "loaded, equal", "violation", "of what is read")
    lines = [f"{'file':30}{''.join(f'{kind:>16}' for kind in kinds)}"]
    total = Counter({kind: sum(counts[kind] for counts in by_file.values()) for kind in kinds})
    lines += [
        f"{name:30}{''.join(f'{counts[kind]:16}' for kind in kinds)}"
        for name, counts in [*sorted(by_file.items()), ("all", total)]
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", type=int, default=12, help="cases that are also run as whole commands")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    say: Callable[[str], int] = sys.stdout.write
    draw = random.Random(arguments.seed)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        subjects = make_subjects(root)
        weights = [{"mctl.toml": 10, MANIFEST: 5, "config.json": 4}.get(subject.file, 2) for subject in subjects]
        cases = [make_case(subject, draw) for subject in draw.choices(subjects, weights, k=arguments.cases)]
        with ThreadPoolExecutor(arguments.processes) as pool:
            outcomes = list(pool.map(lambda case: in_time(case, root), cases))
            few = draw.sample(cases, min(arguments.commands, len(cases)))
            commands = list(pool.map(lambda case: as_command(case, root), few))
    found = list(zip(cases, outcomes, strict=True))
    for subject in subjects[:3]:
        say(f"read of {subject.file}: {', '.join(sorted({str(at[0]) for at in subject.read}))}\n")
    say(f"transformers {transformers.__version__}, seed {arguments.seed}, {time.monotonic() - started:.0f} s\n")
    say(table(found) + "\n")
    bad = [pair for pair in found if pair[1] not in {"refused", "loaded", "loaded, equal"}]
    bad += [(case, outcome) for case, outcome in zip(few, commands, strict=True) if outcome]
    for case, outcome in bad:
        say(f"\n{case.subject.folder.name}/{case.subject.file}: {case.change}\n{outcome}\n")
    share = sum(case.reads for case in cases) / len(cases)
    say(f"{len(few)} as whole commands; {100 * share:.1f} % change a value that is read; {len(bad)} violations\n")
    sys.exit(1 if bad or share < 0.5 else 0)


if __name__ == "__main__":
    main()
