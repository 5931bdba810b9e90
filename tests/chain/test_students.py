"""Students over the command line: of fewer layers, of all signals, of other methods, of another teacher."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from classifiers import tiny_classifier
from command import Ran, mctl
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.compression import trainer
from mctl.compression.callbacks import Watching
from mctl.compression.depth import influences, most_influential
from mctl.compression.trainer import Teaching
from mctl.errors import UserError
from mctl.pipeline.augmentation import labelled_by_teacher
from mctl.samples import headlines, write_csv

RECIPE = """
[model]
max_length = 16

[data]
source = "news.csv"

[compress]
teacher = "classifier"
batch_size = 16
ramp_epochs = 1
recovery_epochs = 1
learning_rate = 1e-3
freeze_embeddings = false

[measure]
batches = 2
repeats = 2
emissions = false

[gate]
max_accuracy_drop = 100
max_macro_f1_drop = 100
"""
LAYERS = 4
ROWS = headlines(7, 160)
TEXTS = [text for text, _ in ROWS]
NAMES = sorted({label for _, label in ROWS})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, a classifier of four layers, and a recipe. Tests make artifacts of different names in it."""
    folder = tmp_path_factory.mktemp("students")
    write_csv(folder / "news.csv", ROWS)
    tiny_classifier(folder / "classifier", TEXTS, NAMES, layers=LAYERS)
    (folder / "mctl.toml").write_text(RECIPE, encoding="utf-8")
    return folder


def made(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / "artifacts" / name / "manifest.json").read_text())


def compress(folder: Path, *arguments: object) -> Ran:
    ran = mctl("compress", *arguments, cwd=folder)
    assert ran.code == 0, ran.err
    return ran


@pytest.fixture
def lessons(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Teaching | None]]:
    """What the student was taught by in each phase."""
    seen: list[Teaching | None] = []
    original = trainer.train

    def train(*arguments: Any, **named: Any) -> Any:
        seen.append(named["teaching"])
        return original(*arguments, **named)

    monkeypatch.setattr(trainer, "train", train)
    yield seen


@dataclass(frozen=True)
class Epoch:
    """What the recovery was like at the end of an epoch."""

    accuracy: float
    dropout: set[float]
    weights: dict[str, torch.Tensor]


@pytest.fixture
def recovery(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Epoch]]:
    """The epochs of a recovery."""
    seen: list[Epoch] = []
    original = Watching.on_evaluate

    def on_evaluate(self: Watching, args: Any, state: Any, control: Any, metrics: Any, **named: Any) -> None:
        if self.title == "recover":
            probabilities = {module.p for module in named["model"].modules() if isinstance(module, torch.nn.Dropout)}
            weights = {name: value.clone() for name, value in named["model"].state_dict().items()}
            seen.append(Epoch(metrics["eval_accuracy"], probabilities, weights))
        original(self, args, state, control, metrics=metrics, **named)

    monkeypatch.setattr(Watching, "on_evaluate", on_evaluate)
    yield seen


@pytest.mark.parametrize(
    ("flag", "dropout", "expected"),
    [("--distill", False, {0.0}), ("--distill", True, {0.1}), ("--no-distill", False, {0.1})],
)
def test_a_student_drops_nothing_and_ends_with_its_last_epoch_if_it_has_a_teacher(
    place: Path, recovery: list[Epoch], flag: str, dropout: bool, expected: set[float]
) -> None:
    """Labels alone it could learn by heart: the best epoch counts then."""
    recipe = place / "dropout.toml"
    recipe.write_text(RECIPE.replace("[compress]", f"[compress]\ndropout = {str(dropout).lower()}"), encoding="utf-8")
    flags = ("--config", recipe, "--prune", 40, flag, "--recovery-epochs", 4)
    compress(place, *flags, "--name", "recovered")
    assert [epoch.dropout for epoch in recovery] == [expected] * 4
    best = max(recovery, key=lambda epoch: epoch.accuracy)
    assert best is not recovery[-1], "the test needs a last epoch that is not the best"
    ends = recovery[-1] if flag == "--distill" else best
    saved = load_file(place / "artifacts" / "recovered" / "model.safetensors")
    assert all(torch.equal(saved[name], ends.weights[name]) for name in saved)
    config = json.loads((place / "artifacts" / "recovered" / "config.json").read_text())
    assert config["hidden_dropout_prob"] == config["attention_probs_dropout_prob"] == 0.1


def test_a_student_of_two_layers_reloads_exports_and_validates(place: Path) -> None:
    ran = compress(place, "--prune", 0, "--layers", 2, "--distill", "--recovery-epochs", 0)
    assert ran.out.strip() == "artifacts/prune0-layers2-distill"
    folder = place / "artifacts" / "prune0-layers2-distill"
    manifest = made(place, folder.name)
    assert manifest["facts"]["layers"] == [1, 3]
    assert manifest["facts"]["layout"] == {"heads": [4, 4], "ffn": [48, 48]}
    assert manifest["facts"]["before"]["layout"]["heads"] == [4] * LAYERS
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert len(model.bert.encoder.layer) == model.config.num_hidden_layers == 2
    exported = mctl("export", folder, "--fp32", cwd=place)
    assert exported.code == 0, exported.err
    for arguments in ((folder, "--picture", place / "layers.svg"), (f"{folder}-fp32",)):
        shown = mctl("inspect", *arguments, cwd=place)
        assert shown.code == 0, shown.err
        assert [line.split()[0] for line in shown.out.splitlines() if "0/48" in line] == ["0", "2"]
        assert [line.split()[0] for line in shown.out.splitlines() if "48/48" in line] == ["1", "3"]
    assert "50.00 % of the encoder's weights are gone, 2 of 4" in mctl("inspect", folder, cwd=place).out
    assert "50.00 % of its" in (folder / "README.md").read_text(encoding="utf-8")
    judged = mctl("validate", f"{folder}-fp32", "--json", cwd=place)
    assert judged.code == 3, judged.err
    undecided = [check for check in json.loads(judged.out)["checks"] if check["verdict"] == "inconclusive"]
    assert all("teacher was made elsewhere" in check["why"] for check in undecided), "nothing else is open"
    assert json.loads(judged.out)["comparison"]["parity"]["max_abs_logit_diff"] < 1e-4


def test_layers_by_influence_are_those_that_change_most(place: Path) -> None:
    flags = ("--layers", 2, "--layers-by", "influence", "--no-distill", "--recovery-epochs", 0)
    ran = compress(place, "--prune", 0, *flags, "--name", "influence")
    folder = place / "classifier"
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(TEXTS, padding=True, truncation=True, max_length=16, return_tensors="pt")
    kept = list(most_influential(influences(model, [dict(inputs)]), 2))
    assert made(place, "influence")["facts"]["layers"] == kept
    assert f"layers {kept[0]}, {kept[1]} of the teacher stay" in ran.err


def test_after_the_strip_relations_are_those_of_the_heads_that_stayed(
    place: Path, lessons: list[Teaching | None]
) -> None:
    compress(place, "--prune", 60, "--distill", "logits,hidden,relations", "--name", "relations")
    facts = made(place, "relations")["facts"]
    kept = facts["pruning"]["kept_heads"][-1]
    ramp, recovery = lessons
    assert ramp.distillation.heads == (0, 1, 2, 3)
    assert recovery.distillation.heads == tuple(kept)
    assert len(kept) < 4, "the test needs a head of the last layer to go"
    assert facts["layout"]["heads"][-1] == len(kept)
    assert ramp.distillation.layers == recovery.distillation.layers == (0, 1, 2, 3)
    assert recovery.distillation.hidden_weight == recovery.distillation.relations_weight == 1.0
    assert recovery.lessons.hidden is not None


def test_a_student_of_fewer_layers_is_compared_with_those_that_it_kept(
    place: Path, lessons: list[Teaching | None]
) -> None:
    compress(place, "--prune", 30, "--layers", 2, "--distill", "--name", "both", "--recovery-epochs", 0)
    assert lessons[0].distillation.layers == (1, 3)
    facts = made(place, "both")["facts"]
    assert facts["pruning"]["removed_percent"] == pytest.approx(30, abs=0.5), "of the layers that stay"
    assert len(facts["layout"]["heads"]) == 2


@pytest.mark.parametrize("method", ["magnitude", "random"])
def test_methods_to_compare_with(place: Path, method: str) -> None:
    ran = compress(place, "--prune", 40, "--method", method, "--recovery-epochs", 0)
    assert ran.out.strip() == f"artifacts/prune40-{method}"
    manifest = made(place, f"prune40-{method}")
    assert manifest["recipe"]["compress"]["method"] == method
    assert manifest["facts"]["pruning"]["removed_percent"] == pytest.approx(40, abs=0.5)


def test_a_teacher_whose_outputs_are_not_kept_is_asked_in_every_step(
    place: Path, lessons: list[Teaching | None]
) -> None:
    recipe = place / "no-cache.toml"
    recipe.write_text(RECIPE.replace("[compress]", "[compress]\nteacher_cache_gb = 0"), encoding="utf-8")
    flags = ("--config", recipe, "--prune", 30, "--distill", "--name", "asked", "--recovery-epochs", 0)
    ran = compress(place, *flags)
    assert "it is asked anew in every step" in ran.err
    assert lessons[0].lessons is None
    assert lessons[0].teacher is not None


def test_another_teacher_speaks_another_language_and_is_understood(place: Path, lessons: list[Teaching | None]) -> None:
    """A tutor of another family, with a tokenizer of its own, whose classes are more and in another order."""
    known = ["unheard of", *reversed(NAMES)]
    tutor = tiny_classifier(place / "tutor", TEXTS, known, "roberta", seed=5, layers=1, heads=2)
    flags = ("--prune", 30, "--distill", "logits", "--distill-from", "tutor", "--name", "tutored")
    compress(place, *flags)
    said = lessons[0].lessons.logits
    data = made(place, "tutored")["data"]
    assert said.shape == (data["rows"]["train"], len(NAMES))
    assert lessons[0].lessons is lessons[1].lessons
    tokenizer = AutoTokenizer.from_pretrained(place / "tutor")
    with torch.no_grad():
        asked = tutor(**tokenizer(TEXTS, padding=True, truncation=True, max_length=16, return_tensors="pt"))
    order = [known.index(name) for name in NAMES]
    expected = asked.logits[:, order].numpy()
    # Each row is that of one of the texts, in the teacher's order of classes.
    nearest = np.abs(said[:, None] - expected[None]).max(-1).min(1)
    assert nearest.max() < 1e-4
    facts = made(place, "tutored")["facts"]
    assert facts["tutor"]["name"] == "tutor"
    assert len(facts["tutor"]["fingerprint"]) == 64

    again = compress(place, *flags)
    assert "artifacts/tutored is up to date" in again.err
    (place / "tutor").rename(place / "renamed")
    moved = compress(place, *flags[:5], "renamed", *flags[6:])
    assert "artifacts/tutored is up to date" in moved.err, "it counts by its content"
    tutor.classifier.out_proj.bias.data += 1
    tutor.save_pretrained(place / "renamed")
    with mock.patch("mctl.pipeline.compress.make_student", side_effect=UserError("stopped.")):
        other = mctl("compress", *flags[:5], "renamed", *flags[6:], cwd=place)
    assert "was made with other settings" in other.err


@pytest.mark.parametrize("cache_gb", [4, 0])
def test_a_deeper_tutor_with_the_same_tokenizer_teaches_all_signals(
    place: Path, lessons: list[Teaching | None], cache_gb: int
) -> None:
    """Also where its outputs are not kept; DistilBERT takes no token types, which the student's batches have."""
    tutor, name = place / f"deep{cache_gb}", f"deeply{cache_gb}"
    options = {"layers": 6, "heads": 2, "head_size": 16}
    tiny_classifier(tutor, TEXTS, NAMES[::-1], "distilbert", **options)
    recipe = place / "cache.toml"
    recipe.write_text(RECIPE.replace("[compress]", f"[compress]\nteacher_cache_gb = {cache_gb}"), encoding="utf-8")
    flags = ("--distill", "logits,hidden,relations", "--distill-from", tutor, "--config", recipe)
    compress(place, "--prune", 60, "--layers", 3, *flags, "--name", name, "--recovery-epochs", int(cache_gb > 0))
    ramp = lessons[0]
    assert ramp.distillation.layers == (1, 3, 5)
    assert ramp.distillation.heads == (0, 1, 2, 3)
    if cache_gb:
        recovery = lessons[1]
        assert recovery.distillation.layers == (1, 3, 5)
        assert recovery.distillation.heads == tuple(made(place, name)["facts"]["pruning"]["kept_heads"][-1])
        assert ramp.lessons.hidden.shape[1:] == (3, 32)
    else:
        assert ramp.lessons is None
        assert type(ramp.teacher.model).__name__ == "DistilBertForSequenceClassification"


def test_copies_are_labelled_by_the_tutor(place: Path, lessons: list[Teaching | None]) -> None:
    tiny_classifier(place / "labels", TEXTS, NAMES[::-1], "roberta", seed=3, layers=1)
    with mock.patch("mctl.pipeline.teaching.labelled_by_teacher", wraps=labelled_by_teacher) as labelling:
        flags = ("--distill", "logits", "--distill-from", "labels", "--augment", 1, "--recovery-epochs", 0)
        compress(place, "--prune", 30, *flags, "--name", "copies")
    originals = made(place, "copies")["data"]["rows"]["train"]
    (rows, count, logits), _ = labelling.call_args
    assert count == originals
    assert len(rows) == len(logits) == 2 * originals
    assert logits is lessons[0].lessons.logits
