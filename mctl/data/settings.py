"""What `[data]` in mctl.toml holds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class DataSettings(BaseModel):
    """Where the labelled texts are, and how they are cleaned and split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | None = Field(
        default=None,
        description="CSV, TSV, JSONL or Parquet file; folder of splits (train, dev, test); or a hub id user/name",
    )
    text: str | None = Field(default=None, description="column with the texts; found by name if not given")
    label: str | None = Field(default=None, description="column with the labels; found by name if not given")
    test: float = Field(default=0.2, gt=0, lt=1, description="share cut off as test, when the source has no test split")
    dev: float = Field(default=0.1, gt=0, lt=1, description="share cut off as dev, when the source has no dev split")
    seed: int = Field(default=42, description="seed of the split and of the choice that `limit` makes")
    min_texts_per_class: int = Field(
        default=5, ge=1, description="classes with fewer distinct texts to train and split on are reported and dropped"
    )
    conflicts: Literal["drop", "first"] = Field(
        default="drop", description="one text with two labels: drop all its copies, or keep the first label"
    )
    unknown_labels: Literal["error", "drop"] = Field(
        default="error", description="labels that the teacher does not know: refuse, or drop their rows"
    )
    limit: int | None = Field(default=None, ge=1, description="at most this many texts in each split, for trials")

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> DataSettings:
        if self.test + self.dev >= 1:
            raise ValueError(f"test ({self.test}) and dev ({self.dev}) together leave nothing to train on")
        return self
