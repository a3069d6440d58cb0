"""Parts are found by their files, one part per file."""

import sys
from pathlib import Path

import pytest

from stillhunt import registry
from stillhunt.registry import parts


def package(folder: Path, name: str, files: dict[str, str], path: pytest.MonkeyPatch) -> str:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("")
    for file, text in files.items():
        (folder / name / f"{file}.py").write_text(text)
    path.syspath_prepend(str(folder))
    return name


def test_every_file_is_a_part_called_like_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "__all__ = ['{0}']\nclass {0}: ...\nclass Inner: ...\n"
    files = {"beta": text.format("Beta"), "alpha": text.format("Alpha")}
    name = package(tmp_path, "parts_found", files, monkeypatch)
    found = parts(name)
    assert list(found) == ["alpha", "beta"]
    assert found["beta"].__name__ == "Beta"


def test_a_file_with_two_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = package(tmp_path, "parts_two", {"x": "__all__ = ['A', 'B']\nA = B = 1\n"}, monkeypatch)
    with pytest.raises(ValueError, match="one part per file"):
        parts(name)


def test_a_foreign_part_comes_in_by_entry_point_but_takes_no_name_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = package(
        tmp_path, "parts_open", {"ours": "__all__ = ['A']\nclass A: ...\n"}, monkeypatch
    )

    class Point:
        def __init__(self, name: str) -> None:
            self.name = name
            self.value = "elsewhere:Part"

        def load(self) -> type[str]:
            return str

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point("theirs")])
    assert parts(name)["theirs"] is str
    parts.cache_clear()
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point("ours")])
    with pytest.raises(ValueError, match="takes the name"):
        parts(name)
    parts.cache_clear()
    sys.modules.pop(name, None)
