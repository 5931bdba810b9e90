"""What a manifest must know of its artifact for the commands to use it; more may stand there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=0, strict=True)]
Positive = Annotated[int, Field(ge=1, strict=True)]


class _Facts(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Layout(_Facts):
    """Units left, by layer."""

    heads: list[Count]
    ffn: list[Count]

    @model_validator(mode="after")
    def _one_of_each_a_layer(self) -> Layout:
        if len(self.heads) != len(self.ffn):
            raise ValueError("heads and ffn differ in their number of layers")
        return self


class Parameters(_Facts):
    """Numbers of weights."""

    total: Count
    encoder: Count
    encoder_weights: Positive
    embeddings: Count


class Size(_Facts):
    """Layout and parameters of a model."""

    layout: Layout
    parameters: Parameters


class Scores(_Facts):
    """Shares, 0..1, on so many texts."""

    accuracy: float = Field(ge=0, le=1)
    macro_f1: float = Field(ge=0, le=1)
    texts: Count


class Making(_Facts):
    """Electricity of the stage that made it."""

    kwh: float = Field(ge=0)
    gco2e: float = Field(ge=0)
    source: Literal["measured", "estimated"]
    hardware: str
    country_name: str
    sources: dict[str, str] = Field(default_factory=dict)


class TorchFacts(Size):
    """Of a teacher, and of every other model in PyTorch."""

    max_length: Positive
    metrics: dict[str, Scores] = Field(default_factory=dict)
    making: Making | None = None


class Pruning(_Facts):
    """What pruning removed, and by how much the strip changed the logits."""

    masked_percent: float = Field(ge=0, le=100)
    removed_percent: float = Field(ge=0, le=100)
    strip_max_abs_logit_diff: float = Field(ge=0)


class CompressedFacts(TorchFacts):
    """Of a compressed model."""

    before: Size
    layers: list[Count]
    pruning: Pruning

    @model_validator(mode="after")
    def _layers_are_of_the_teacher(self) -> CompressedFacts:
        whole, left = len(self.before.layout.heads), len(self.layout.heads)
        if len(self.layers) != left or any(layer >= whole for layer in self.layers):
            raise ValueError("the layers that stayed are not those of the layout")
        return self


class Graph(_Facts):
    """Nodes that stand for several, by operator."""

    fusions: dict[str, Count] = Field(default_factory=dict)


class Conversion(_Facts):
    """How a lower precision came about."""

    fp16_initializer_share: float | None = Field(None, ge=0, le=1)
    fp16_weight_share: float | None = Field(None, ge=0, le=1)
    kept_fp32: list[dict[str, Any]] = Field(default_factory=list)


class ExportFacts(Size):
    """Of an export."""

    max_length: Positive
    precision: Literal["fp32", "fp16", "int8"]
    provider: Literal["cpu", "cuda"]
    inputs: list[str] = Field(min_length=1)
    outputs: list[str] = Field(min_length=1)
    bytes: Positive
    fp32_bytes: Positive
    graph: Graph
    conversion: Conversion | None = None
    making: Making | None = None
    onnxruntime: str | None = Field(None, pattern=r"^\d+\.\d+$")


_OF_KIND: Mapping[str, type[_Facts]] = {
    "teacher": TorchFacts,
    "compressed": CompressedFacts,
    "export": ExportFacts,
}


def check_facts(kind: str, facts: Mapping[str, Any]) -> None:
    """Refuse facts that lack what the commands read.

    Raises:
        pydantic.ValidationError: something is missing, of another type or impossible.
    """
    _OF_KIND[kind].model_validate(facts)
