"""`mctl.load`, the command line's way into Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from command import mctl

import mctl as package
from mctl.errors import UserError

TEXTS = ["मुंबईत आज जोरदार पाऊस", "क्रिकेट सामन्यात भारताचा विजय", "शेअर बाजारात मोठी घसरण"]


@pytest.mark.parametrize("name", ["teacher", "prune25-distill", "prune25-distill-fp16"])
def test_an_artifact_of_any_kind_says_what_the_command_says(chain: Path, name: str) -> None:
    folder = chain / "artifacts" / name
    classify = package.load(folder)
    lines = [f"{found.label}\t{found.probability:.4f}\t{found.text}" for found in classify(iter(TEXTS), batch_size=2)]
    assert lines == mctl("predict", "--batch-size", 2, "--artifact", folder, *TEXTS, cwd=chain).out.splitlines()
    logits = classify.logits(TEXTS)
    assert logits.shape == (len(TEXTS), len(classify.classes))
    assert [classify.classes[best] for best in logits.argmax(1)] == [line.split("\t")[0] for line in lines]


def test_threads_are_those_asked_for(chain: Path) -> None:
    classify = package.load(chain / "artifacts" / "prune25-distill-fp16", threads=1)
    assert classify._runner.session.get_session_options().intra_op_num_threads == 1  # type: ignore[attr-defined]
    np.testing.assert_allclose(
        classify.logits(TEXTS), package.load(classify.artifact.folder).logits(TEXTS), atol=1e-4, rtol=0
    )


def test_what_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no artifact here"):
        package.load(tmp_path)


def test_a_provider_that_is_not_there_is_refused_by_both(chain: Path) -> None:
    try:
        onnxruntime.preload_dlls()
        package.load(chain / "artifacts" / "prune25-distill-fp16", provider="cuda")
    except UserError as error:
        assert "CUDAExecutionProvider" in str(error)
    else:
        pytest.skip("there is a GPU")
    ran = mctl("predict", "--provider", "cuda", *TEXTS, cwd=chain)
    assert ran.code == 2
    assert "CUDAExecutionProvider" in ran.err
    assert ran.out == ""


def test_libraries_are_imported_when_load_is_used() -> None:
    code = "import mctl, sys; print('numpy' in sys.modules); mctl.load; print('numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'open'"):
        package.open  # noqa: B018
