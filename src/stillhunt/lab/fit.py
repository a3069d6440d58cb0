"""Fit the shapes of traffic to public traces: ``python -m stillhunt.lab.fit [--write]``.

The folder of traces is named by ``STILLHUNT_DATA``. Without ``--write`` the command prints what
it fitted and ends with 1 if ``shapes.toml`` says something else.

Every shape is log-normal through quantiles, which single odd windows do not move. What a trace
has no word for (who is behind a request, what a person does between two) stays a guess and
stands beside the code that uses it.
"""

import argparse
import os
import sys
from pathlib import Path

import duckdb
import numpy as np

from stillhunt.lab.arrivals import FloatArray
from stillhunt.lab.shapes import FILE, Shapes, shapes

__all__ = ["fit", "main", "written"]

CHAT = "trace_azure_llm_2023_conv.parquet"
RATES = "trace_servegen_client_rates_shared.parquet"
TOKENS = "trace_servegen_client_tokens_shared.parquet"
DECILES = np.arange(0.1, 0.91, 0.1)
QUARTILES = 1.349  # between the quartiles of a normal distribution lie so many sigmas
NORMAL = (-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816)
SOURCES = {
    "chat": "Azure LLM inference trace 2023, conversations (CC BY 4.0): one hour, 19,366 requests",
    "clients": "ServeGen (Apache-2.0): 205 clients of a model service, 14 days, 10-minute windows",
}
NOTES = {
    "answer_median": "of answers to people [tokens]",
    "answer_sigma": "log-normal, within one hour or one client",
    "gap_cv_median": "variation of gaps within 10 minutes: median over clients of their median",
    "gap_cv_sigma": "log-normal spread of it over clients",
    "volume_sigma": "log-normal spread of clients' requests a day, by quartiles",
    "hours": "share of a day's requests in each hour, pool m-small, by the clock of the trace",
}


def fit(folder: Path) -> Shapes:
    """Return the shapes that the traces in *folder* have, rounded as they are written."""
    con = duckdb.connect()
    chat = _column(
        con,
        f"SELECT unnest(quantile_cont(output_tokens, {DECILES.round(1).tolist()})) "
        "FROM read_parquet(?)",
        folder / CHAT,
    )
    slope, level = np.polyfit(NORMAL, np.log(chat), 1)
    gaps = _column(
        con,
        "SELECT median(iat_cv) FROM read_parquet(?) WHERE rate_rps > 0 AND iat_cv > 0"
        " GROUP BY pool, client_id",
        folder / RATES,
    )
    volumes = _column(
        con,
        "SELECT sum(rate_rps) FROM read_parquet(?) WHERE rate_rps > 0 GROUP BY pool, client_id",
        folder / RATES,
    )
    inside = _column(
        con,
        "SELECT ln(q750 / q250) FROM read_parquet(?)"
        " WHERE field = 'output_tokens' AND q250 > 0 AND q750 > 0",
        folder / TOKENS,
    )
    hours = _column(
        con,
        "SELECT sum(rate_rps) FROM read_parquet(?) WHERE pool = 'language/m-small'"
        " GROUP BY window_start_s // 3600 % 24 ORDER BY window_start_s // 3600 % 24",
        folder / RATES,
    )
    return {
        "chat": {"answer_median": round(float(np.exp(level))), "answer_sigma": _round(slope)},
        "clients": {
            "gap_cv_median": _round(float(np.median(gaps))),
            "gap_cv_sigma": _round(_sigma(gaps)),
            "volume_sigma": _round(_sigma(volumes)),
            "answer_sigma": _round(float(np.median(inside)) / QUARTILES),
            "hours": [_round(100 * h) for h in (hours / hours.sum()).tolist()],
        },
    }


def written(found: Shapes) -> str:
    """Return the text of ``shapes.toml`` for *found*."""
    lines = ["# Written by `python -m stillhunt.lab.fit --write`; not by hand."]
    for table, values in found.items():
        lines += ["", f"[{table}]", f"# {SOURCES[table]}"]
        for name, value in values.items():
            lines += [f"# {NOTES[name]}", f"{name} = {value}"]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Fit, print, and compare with the file or write it; return the exit code."""
    parser = argparse.ArgumentParser(prog="stillhunt.lab.fit", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write shapes.toml anew")
    asked = parser.parse_args(arguments)
    folder = os.environ.get("STILLHUNT_DATA")
    if not folder:
        print("STILLHUNT_DATA does not name the folder of traces", file=sys.stderr)
        return 2
    found = fit(Path(folder))
    text = written(found)
    print(text)
    if asked.write:
        FILE.write_text(text, encoding="utf-8")
        return 0
    return 0 if found == shapes() else 1


def _column(con: duckdb.DuckDBPyConnection, query: str, file: Path) -> FloatArray:
    (values,) = con.execute(query, [str(file)]).fetchnumpy().values()
    found: FloatArray = np.asarray(values, dtype=float)
    return found


def _sigma(values: FloatArray) -> float:
    low, high = np.quantile(np.log(values), [0.25, 0.75])
    return float(high - low) / QUARTILES


def _round(value: float) -> float:
    return round(float(value), 2)


if __name__ == "__main__":
    sys.exit(main())
