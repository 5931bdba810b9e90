"""Where the artifacts of a recipe are that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from mctl.cli.recipe_at_hand import artifacts_at_hand

BROKEN = "max_lenght = = 3"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (("version = 2",), "sub/artifacts"),
        (("version = 2", BROKEN), "sub/artifacts"),
        (("\ufeffversion = 2", BROKEN), "sub/artifacts"),
        (("version = 2", 'artifacts = "models"', BROKEN), "sub/models"),
        (("version = 2", 'artifacts = "it\'s"', BROKEN), "sub/it's"),
        (("version = 2", "\"artifacts\" = '''models'''", BROKEN), "sub/models"),
        (("version = 2", 'artifacts = "/srv/models"', BROKEN), "/srv/models"),
        (("version = 2", "artifacts = 3"), "sub/artifacts"),
        (("version = 2", "[gate]", 'artifacts = "models"', BROKEN), "sub/artifacts"),
        (("version = 2", 'x = """', 'artifacts = "models"', '"""'), "sub/artifacts"),
        # A recipe of version 1 has its paths from the folder that the command runs in.
        (("artifacts = 'models'", BROKEN), "models"),
        ((BROKEN,), "artifacts"),
    ],
)
def test_the_artifacts_of_a_recipe_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], found: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mctl.toml").write_text("\n".join(lines), encoding="utf-8")
    assert artifacts_at_hand(Path("sub/mctl.toml"), None) == Path(found)
    assert artifacts_at_hand(Path("sub/mctl.toml"), Path("named")) == Path("named")
    assert artifacts_at_hand(Path("nowhere/mctl.toml"), None) == Path("nowhere/artifacts")
