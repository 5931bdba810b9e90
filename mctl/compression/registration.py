"""Makes compact models known to transformers' Auto classes, at the moment one is asked for and not before.

`import mctl` must cost nothing (the command line starts with it) and yet be enough for
`AutoModelForSequenceClassification.from_pretrained(ARTIFACT)`. So `import mctl` plants a finder that waits for the
module with transformers' registry of configurations, and gives the registry a dictionary that registers our classes
when a name of ours is looked up. Nothing of transformers is imported before that: an import in the midst of
transformers' own imports ends in a circle.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_REGISTRY = "transformers.models.auto.configuration_auto"
_OURS = "mctl-"


def register() -> None:
    """Register configurations and models with transformers now. Doing it again changes nothing."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    from mctl.compression.modeling_compact import MODELS

    for model in MODELS.values():
        AutoConfig.register(model.config_class.model_type, model.config_class, exist_ok=True)
        AutoModelForSequenceClassification.register(model.config_class, model, exist_ok=True)


def register_when_asked() -> None:
    """Register when a compact model's type is first looked up, whenever transformers is imported."""
    if _REGISTRY in sys.modules:
        _watch(sys.modules[_REGISTRY])
    elif not any(isinstance(finder, _AfterImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterImport())


def _watch(registry: ModuleType) -> None:
    mapping: Any = registry.CONFIG_MAPPING
    mapping._extra_content = _RegisterOnLookup(mapping._extra_content)


class _RegisterOnLookup(dict[Any, Any]):
    """The registry's dictionary of additional configurations."""

    def __contains__(self, key: object) -> bool:
        known = super().__contains__(key)
        if known or not (isinstance(key, str) and key.startswith(_OURS)):
            return known
        register()
        return super().__contains__(key)


class _AfterImport:
    """A finder, as `sys.meta_path` wants them, that finds nothing itself: wraps the loader of the registry, once."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _REGISTRY:
            return None
        import importlib.util

        sys.meta_path.remove(self)  # First, so that the search below does not come back here.
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_then_watch(module: ModuleType) -> None:
            execute(module)
            _watch(module)

        spec.loader.exec_module = execute_then_watch  # type: ignore[method-assign]
        return spec
