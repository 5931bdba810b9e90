"""`import mctl` is cheap, and enough to reload a compact model, in whatever order things are imported.

And where there is no mctl, the file beside the weights is enough.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from models import FAMILIES, batch, logits, small_model
from safetensors.torch import load_file, save_file

from mctl.compression.strip import Kept, copy_modeling_code, strip

# The weights are copied to aligned memory for the reason that `models.reloaded` gives.
WITHOUT_MCTL = """
import copy
import sys
from pathlib import Path
sys.modules['mctl'] = None
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForSequenceClassification
for folder in map(Path, sys.argv[1:]):
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    model = copy.deepcopy(AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)).eval()
    assert type(model).__module__.startswith('transformers_modules'), type(model).__module__
    assert type(config) is type(model.config), type(config)
    with torch.no_grad():
        save_file({'logits': model(**load_file(folder / 'inputs')).logits}, folder / 'logits')
"""


def python(program: str, *arguments: object, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def stripped(family: str) -> Any:
    return strip(small_model(family), Kept(((1, 3), (0,)), (tuple(range(7)), (2, 40))))


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
def test_compact_models_reload_once_mctl_is_imported(imports: str, tmp_path: Path) -> None:
    for family in FAMILIES:
        stripped(family).save_pretrained(tmp_path / family)
    program = f"{imports}\nimport sys\nfor folder in sys.argv[1:]:\n    config = Auto.from_pretrained(folder).config\n"
    program += "    print(config.model_type, sorted(config.compact_layout.items()))"
    printed = python(program, *(tmp_path / family for family in FAMILIES)).splitlines()
    assert printed == [f"mctl-{family} [('ffn', [7, 2]), ('heads', [2, 1])]" for family in FAMILIES]


def test_they_reload_where_mctl_is_not_installed(tmp_path: Path) -> None:
    """Through trust_remote_code, in a process in which mctl cannot be imported."""
    models = {family: stripped(family) for family in FAMILIES}
    inputs = {family: batch(padding=model.config.pad_token_id) for family, model in models.items()}
    for family, model in models.items():
        model.save_pretrained(tmp_path / family)
        copy_modeling_code(tmp_path / family)
        save_file(inputs[family], tmp_path / family / "inputs")
    python(WITHOUT_MCTL, *(tmp_path / family for family in FAMILIES), HF_MODULES_CACHE=str(tmp_path / "modules"))
    for family, model in models.items():
        received = load_file(tmp_path / family / "logits")["logits"]
        assert torch.equal(received, logits(model, inputs[family])), family
