"""What `[data]` in mctl.toml holds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DEFAULT_TEST_SHARE = 0.2
Quotes = Literal["checked", "trusted", "none", "backslash"]


class DataSettings(BaseModel):
    """Where the labelled texts are, and how they are cleaned and split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | None = Field(
        default=None,
        description="CSV, TSV, JSONL, JSON, Parquet or XLSX file; folder of splits (train, dev, test); or a hub id "
        "user/name",
    )
    text: str | None = Field(default=None, description="column with the texts; found by name if not given")
    label: str | None = Field(default=None, description="column with the labels; found by name if not given")
    test: float | str = Field(
        default=DEFAULT_TEST_SHARE,
        description="share cut off as test, when the source has no test split; or a file of labelled texts to test on",
    )
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
    label_spelling: Literal["exact", "fold"] = Field(
        default="exact",
        description="labels that differ in case only from those of train, or of the teacher: refuse, or take for the "
        "same",
    )
    ignore: tuple[str, ...] = Field(
        default=(), description="names of data files, or of splits on the hub, that are not to be used"
    )
    sheet: str | None = Field(default=None, description="sheet of an Excel workbook; the first if not given")
    quotes: Quotes = Field(
        default="checked",
        description="double quotes in CSV and TSV: around fields, and refused where one seems to run over rows; around "
        'fields, and "trusted" to; plain characters ("none"); or as MySQL escapes them ("backslash")',
    )
    max_dropped: float | None = Field(
        default=None, ge=0, le=100, description="percent of the rows that cleaning may drop; more is an error"
    )
    limit: int | None = Field(default=None, ge=1, description="at most this many texts in each split, for trials")

    @field_validator("test", mode="before")
    @classmethod
    def _share_or_path(cls, value: Any) -> Any:
        """A flag gives a share as a string."""
        try:
            return float(value) if isinstance(value, str) else value
        except ValueError:
            return value

    @field_validator("test")
    @classmethod
    def _between_0_and_1(cls, value: float | str) -> float | str:
        if isinstance(value, float) and not 0 < value < 1:
            raise ValueError("a share lies between 0 and 1; what is no number is the path of a file")
        return value

    @property
    def test_file(self) -> str | None:
        """The file that is the test split, where `test` names one."""
        return self.test if isinstance(self.test, str) else None

    @property
    def test_share(self) -> float:
        """The share that is cut off as test; of no use where the source has a test split."""
        return self.test if isinstance(self.test, float) else 0.0

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> DataSettings:
        if self.test_share + self.dev >= 1:
            raise ValueError(f"test ({self.test}) and dev ({self.dev}) together leave nothing to train on")
        return self
