"""Shapes: what the file says is what the traces have, and the lab draws it."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from stillhunt.lab import fit as module
from stillhunt.lab.fit import fit, main, written
from stillhunt.lab.pacing import CHATTY
from stillhunt.lab.shapes import FILE, hours, measured, shapes


def made(folder: Path) -> Path:
    """Write traces of a known shape."""
    con = duckdb.connect()
    con.execute("SELECT setseed(0.5)")
    # exp(mean + sigma * normal), by Box and Muller
    normal = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"
    for name, query in {
        module.CHAT: f"SELECT exp(5 + 0.7 * {normal}) AS output_tokens FROM range(40000)",
        module.RATES: "SELECT 'language/m-small' AS pool, i AS client_id,"
        " w * 3600 AS window_start_s, CASE WHEN w < 12 THEN 3.0 ELSE 1.0 END * exp(i / 100) AS"
        " rate_rps, exp((i - 100) / 100) AS iat_cv FROM range(201) t(i), range(24) u(w)",
        module.TOKENS: "SELECT 'output_tokens' AS field, 10.0 AS q250, 10 * exp(1.349) AS q750",
    }.items():
        con.execute(f"COPY ({query}) TO '{folder / name}' (FORMAT parquet)")
    return folder


def test_known_shapes_are_found(tmp_path: Path) -> None:
    found = fit(made(tmp_path))
    chat, clients = found["chat"], found["clients"]
    assert chat["answer_median"] == pytest.approx(np.exp(5), rel=0.03)
    assert chat["answer_sigma"] == pytest.approx(0.7, abs=0.02)
    assert clients["gap_cv_median"] == 1.0
    assert clients["gap_cv_sigma"] == pytest.approx(1 / 1.349, abs=0.01)
    assert clients["volume_sigma"] == pytest.approx(1 / 1.349, abs=0.01)
    assert clients["answer_sigma"] == pytest.approx(1.0, abs=0.01)
    assert clients["hours"] == [6.25] * 12 + [2.08] * 12


def test_the_command_compares_with_the_file_and_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STILLHUNT_DATA", raising=False)
    assert main([]) == 2
    monkeypatch.setenv("STILLHUNT_DATA", str(made(tmp_path)))
    assert main([]) == 1
    monkeypatch.setattr(module, "FILE", tmp_path / "shapes.toml")
    assert main(["--write"]) == 0
    assert (tmp_path / "shapes.toml").read_text() in capsys.readouterr().out


def test_the_file_is_what_the_command_would_write() -> None:
    assert FILE.read_text() == written(shapes())


def test_the_file_is_what_the_traces_have(data: Path) -> None:
    assert fit(data) == shapes()


def test_answers_to_people_have_the_measured_shape() -> None:
    tokens, _ = CHATTY.draw(np.random.default_rng(1), 50_000)
    assert np.median(tokens) == pytest.approx(measured("chat", "answer_median"), rel=0.03)
    assert np.log(tokens).std() == pytest.approx(measured("chat", "answer_sigma"), abs=0.03)


def test_the_hours_make_a_day() -> None:
    assert hours("clients").shape == (24,)
    assert hours("clients").sum() == pytest.approx(100, abs=0.2)
    with pytest.raises(KeyError, match="is a list"):
        measured("clients", "hours")
