"""Do exports compute what their source computes, at every shape?

    python benchmarks/parity.py ARTIFACT [--data DATA]

ARTIFACT is a teacher or a compressed artifact. fp32: the largest logit difference from PyTorch over random token ids
at batch 1 and 32, lengths 1, 7, 128 and 512, with random padding. fp16: share of equal labels on the test split of the
data that the artifact was made with. Bounds: 1e-4, and 99.5 %; the fp16 file at most 0.51 of the fp32 one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mctl.artifact import load_artifact
from mctl.data import DataSettings, load
from mctl.exporters.graph import export_fp32
from mctl.exporters.precision import to_fp16
from mctl.exporters.session import OnnxClassifier, open_session
from mctl.exporters.torch_runner import TorchClassifier
from mctl.pipeline.scoring import input_names, logits_of

BATCHES, LENGTHS = (1, 32), (1, 7, 128, 512)


def random_batch(names: tuple[str, ...], batch: int, length: int, vocabulary: int) -> dict[str, np.ndarray]:
    """Random ids, each text padded to a random length of its own."""
    random = np.random.default_rng(batch * 1000 + length)
    real = random.integers(1, length + 1, size=(batch, 1))
    mask = (np.arange(length)[None, :] < real).astype(np.int64)
    values = {
        "input_ids": random.integers(5, vocabulary, size=(batch, length)) * mask,
        "attention_mask": mask,
        "token_type_ids": np.zeros((batch, length), dtype=np.int64),
    }
    return {name: values[name] for name in names}


def met(condition: bool) -> str:
    return "met" if condition else "missed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--data")
    arguments = parser.parse_args()
    artifact = load_artifact(arguments.artifact)
    model = AutoModelForSequenceClassification.from_pretrained(artifact.folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(artifact.folder)
    names = input_names(tokenizer, model)
    torch_runner = TorchClassifier(model, names)
    with tempfile.TemporaryDirectory() as folder:
        fp32, fp16 = Path(folder) / "fp32.onnx", Path(folder) / "fp16.onnx"
        export_fp32(model, fp32, input_names=names)
        to_fp16(fp32, fp16)
        runner = OnnxClassifier(open_session(fp32))
        print(f"{artifact.name}, fp32\n\n| batch | length | largest logit difference |\n|---|---|---|")
        worst = 0.0
        for batch in BATCHES:
            for length in LENGTHS:
                inputs = random_batch(names, batch, length, model.config.vocab_size)
                difference = float(np.abs(runner(inputs) - torch_runner(inputs)).max())
                worst = max(worst, difference)
                print(f"| {batch} | {length} | {difference:.1e} |")
        print(f"\nworst {worst:.1e}; bound 1e-4: {met(worst <= 1e-4)}")
        settings = artifact.manifest.recipe["data"] | ({"source": arguments.data} if arguments.data else {})
        texts = load(DataSettings.model_validate(settings)).splits["test"].texts
        length = int(artifact.manifest.facts["max_length"])
        half = OnnxClassifier(open_session(fp16))
        theirs, ours = (logits_of(run, tokenizer, texts, names, length, 32) for run in (torch_runner, half))
        agreement = float((theirs.argmax(1) == ours.argmax(1)).mean())
        ratio = fp16.stat().st_size / fp32.stat().st_size
        print(
            f"\nfp16: {100 * agreement:.2f} % equal labels on {len(texts)} test texts, largest logit difference ",
            end="",
        )
        print(f"{np.abs(theirs - ours).max():.1e}; bound 99.5 %: {met(agreement >= 0.995)}")
        print(f"fp16 file: {ratio:.4f} of fp32; bound 0.51: {met(ratio <= 0.51)}")


if __name__ == "__main__":
    main()
