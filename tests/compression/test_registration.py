"""`import mctl` is cheap, and enough to reload a compact model, in whatever order things are imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from models import small_bert

from mctl.compression.strip import Kept, strip


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_mctl_imports_nothing_heavy() -> None:
    heavy = "('torch', 'transformers', 'numpy', 'pydantic', 'typer', 'rich')"
    assert python(f"import sys, mctl; print([name for name in {heavy} if name in sys.modules])") == "[]"


@pytest.mark.parametrize(
    "imports",
    [
        "import mctl; from transformers import AutoModelForSequenceClassification as Auto",
        "from transformers import AutoModelForSequenceClassification as Auto; import mctl",
        "import mctl, transformers; transformers.pipeline; Auto = transformers.AutoModelForSequenceClassification",
        "from transformers import AutoConfig; import mctl; from transformers import "
        "AutoModelForSequenceClassification as Auto",
    ],
)
def test_a_compact_model_reloads_once_mctl_is_imported(imports: str, tmp_path: Path) -> None:
    strip(small_bert(), Kept(((0,), (1, 2)), ((0, 1), (2, 3, 4)))).save_pretrained(tmp_path)
    program = f"{imports}\nmodel = Auto.from_pretrained({str(tmp_path)!r})\n"
    program += "print(type(model).__name__, sorted(model.config.compact_layout.items()))"
    assert python(program) == "CompactBertForSequenceClassification [('ffn', [2, 3]), ('heads', [1, 2])]"
