"""``stillhunt rules export``, as it is called."""

from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stillhunt.cli import app, main


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["rules", "export", *words])
    return done.exit_code, done.stderr


def test_a_rule_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    code, said = run("volume", "--to", "kql", "--out", str(tmp_path / "new"))
    path = tmp_path / "new" / "volume.apilogs.kql"
    assert (code, said.strip()) == (0, str(path))
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// stillhunt rules export --to kql\n// volume, version 1: ")


def test_what_cannot_be_said_is_exit_2_and_the_others_are_written(tmp_path: Path) -> None:
    code, said = run("--to", "sigma", "--out", str(tmp_path))
    assert code == 2
    assert "stillhunt: rule failover: sigma cannot say it: no bins of the UTC clock" in said
    assert {path.name for path in tmp_path.iterdir()} == {
        "burst.yml", "burst_account.yml", "volume.yml", "volume_account.yml",
    }  # fmt: skip


def test_parameters_and_tables_are_taken(tmp_path: Path) -> None:
    told = ["--set", "volume.requests_per_day=7", "--until", "2026-03-01T00:00:00Z"]
    code, _ = run("volume", "--to", "kql", "--table", "apim", "--out", str(tmp_path), *told)
    assert code == 0
    text = (tmp_path / "volume.apim.kql").read_text(encoding="utf-8")
    assert "TotalRequests > 7 or" in text
    assert "TimeGenerated <= datetime(2026-03-01T00:00:00.000000Z)" in text


def test_settings_and_rules_of_ones_own_count(tmp_path: Path) -> None:
    shipped = files("stillhunt.hunt.rules").joinpath("volume.toml").read_text(encoding="utf-8")
    own = shipped.partition("\n")[2]  # without the id, which is that of the shipped rule
    (tmp_path / "mine.toml").write_text(own, encoding="utf-8")
    (tmp_path / "stillhunt.toml").write_text(
        '[hunt]\nrules = ["mine.toml"]\n[detectors.mine]\nrequests_per_day = 11\n'
    )
    code, said = run("mine", "--to", "sigma", "--out", str(tmp_path / "out"),
                     "--config", str(tmp_path / "stillhunt.toml"))  # fmt: skip
    assert code == 0, said
    assert "gt: 11" in (tmp_path / "out" / "mine.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [
    ["vlume", "--to", "kql"],
    ["volume", "--to", "kqll"],
    ["volume", "--to", "kql", "--table", "apilog"],
    ["volume", "--to", "sql", "--dialect", "oracle"],
    ["volume", "--to", "kql", "--set", "volume.nothing=1"],
    ["volume", "--to", "kql", "--until", "tomorrow"],
])  # fmt: skip
def test_a_mistake_is_one_sentence_and_exit_2(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(lambda: app(["rules", "export", *words, "--out", str(tmp_path)],
                         standalone_mode=False))  # fmt: skip
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("stillhunt: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("words", "said"), [
    (["--to", "kql", "--dialect", "spark"],
     "--dialect means nothing to --to kql; it is for sql"),
    (["--to", "sql", "--table", "apim"],
     "--table means nothing to --to sql; it is for defender, kql, sentinel"),
    (["--to", "sigma", "--table", "apilogs"],
     "--table means nothing to --to sigma; it is for defender, kql, sentinel"),
])  # fmt: skip
def test_an_option_that_the_target_does_not_look_at_is_named(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(lambda: app(["rules", "export", "volume", *words, "--out", str(tmp_path)],
                         standalone_mode=False))  # fmt: skip
    assert (caught.value.code, capsys.readouterr().err) == (2, f"stillhunt: {said}\n")
    assert list(tmp_path.iterdir()) == []
