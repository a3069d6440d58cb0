"""The settings file: found, laid over by the environment, and precise about mistakes."""

from pathlib import Path

import pytest

from stillhunt.hunt.settings import read_settings
from stillhunt.model.errors import ConfigError
from stillhunt.settings import near


def write(folder: Path, text: str) -> Path:
    path = folder / "stillhunt.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings()
    assert settings.lake.text == "none"
    assert settings.identity.hash_key == "file:hash.key"
    assert settings.folder == Path()


def test_the_file_in_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[lake]\ntext = "preview"\n')
    monkeypatch.chdir(tmp_path)
    assert read_settings().lake.text == "preview"


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, '[lake]\ntext = "preview"\ntext_days = 3\n')
    monkeypatch.setenv("STILLHUNT_LAKE__TEXT", "full")
    settings = read_settings(path)
    assert settings.lake.text == "full"
    assert settings.lake.text_days == 3
    assert settings.folder == tmp_path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lake]\ntext_dyas = 3\n", r":2: lake\.text_dyas is unknown; did you mean text_days"),
        ("[lkae]\n", r":1: lkae is unknown; did you mean lake"),
        ('\n[lake]\n\ntext = "some"\n', r":4: lake\.text is 'some'"),
        ('[[allow]]\nreason = "x"\nexpire = 2026-01-01\n', r":3: allow\.0\.expire is unknown"),
        ("[lake]\ntext_days = -1\n", r":2: lake\.text_days is -1"),
        ("[lake\n", "not TOML"),
        ('[lake]\ntext = "none"\ntext = "full"\n', "not TOML"),
    ],
)
def test_a_mistake_names_file_line_key_and_what_would_be_right(
    tmp_path: Path, text: str, said: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=said) as error:
        read_settings(path)
    assert str(path) in str(error.value)


def test_a_missing_file_that_was_asked_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the settings file"):
        read_settings(tmp_path / "none.toml")


def test_a_file_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "stillhunt.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read the settings file"):
        read_settings(path)


def test_names_that_look_like_nothing_known_are_not_guessed_at() -> None:
    assert near("zzz", ["volume", "burst"]) == ""
    assert near("volme", ["volume", "burst"]) == "; did you mean volume?"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STILLHUNT_LAKE", "nonsense"),
        ("STILLHUNT_IDENTITY", '{"hash_key":'),
        ("STILLHUNT_READERS__MAPPED__COLUMNS", "x"),
    ],
)
def test_an_environment_that_means_nothing_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="_".join(name.split("_")[:2])):
        read_settings()
