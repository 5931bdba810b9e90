"""The floor that any encoder has to beat: character TF-IDF and a linear SVM, on the same splits as everything else.

    python benchmarks/svm_baseline.py --data news.csv
    python benchmarks/svm_baseline.py --data synthetic

Trains on train, scores on test, touches dev not at all, and prints a Markdown table. `synthetic` stands for the
embedded sample of generated headlines.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from mctl.data import Dataset, DataSettings, load
from mctl.errors import UserError
from mctl.samples import headlines, write_csv

SYNTHETIC_ROWS = 1800


def svm(seed: int) -> Any:
    """Character 1- to 5-grams within words, sublinear TF-IDF, linear SVM with C = 1."""
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, lowercase=False)
    return make_pipeline(vectors, LinearSVC(C=1.0, random_state=seed))


def score(dataset: Dataset, seed: int) -> dict[str, float]:
    """Accuracy and macro-F1 on test, both from 0 to 1, and how long training took."""
    train, test = dataset.splits["train"], dataset.splits["test"]
    model = svm(seed)
    start = time.perf_counter()
    model.fit(train.texts, train.labels)
    seconds = time.perf_counter() - start
    predicted = model.predict(test.texts)
    return {
        "accuracy": float(accuracy_score(test.labels, predicted)),
        "macro_f1": float(f1_score(test.labels, predicted, average="macro")),
        "training_s": seconds,
    }


def table(name: str, dataset: Dataset, scores: dict[str, float], seed: int) -> str:
    """The Markdown table."""
    rows = [
        ("data", name),
        ("fingerprint", dataset.sha256[:12]),
        ("classes", str(len(dataset.class_names))),
        ("train / test texts", f"{len(dataset.splits['train'])} / {len(dataset.splits['test'])}"),
        ("seed", str(seed)),
        ("test accuracy", f"{scores['accuracy']:.4f}"),
        ("test macro-F1", f"{scores['macro_f1']:.4f}"),
        ("training, s", f"{scores['training_s']:.1f}"),
    ]
    return "\n".join(
        ["| char TF-IDF + linear SVM | |", "|---|---|", *(f"| {label} | {value} |" for label, value in rows)]
    )


def load_data(source: str, seed: int) -> Dataset:
    """A data source of mctl, or the synthetic sample."""
    if source != "synthetic":
        return load(DataSettings(source=source, seed=seed))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.csv"
        write_csv(path, headlines(seed, SYNTHETIC_ROWS))
        return load(DataSettings(source=str(path), seed=seed))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the script; 0, or 2 if the data cannot be used."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", required=True, help="file, folder of splits, hub id, or: synthetic")
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args(arguments)
    try:
        dataset = load_data(options.data, options.seed)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(table(options.data, dataset, score(dataset, options.seed), options.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
