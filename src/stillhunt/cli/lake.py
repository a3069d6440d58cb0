"""The commands that look after a lake."""

import time
from dataclasses import asdict
from typing import Any

import typer

from stillhunt.cli.answers import write_json
from stillhunt.cli.options import Config, JsonOut, LakePath
from stillhunt.cli.told import check_settings, open_lake

__all__ = ["app"]

app = typer.Typer(help="Look after a lake.", no_args_is_help=True, rich_markup_mode=None)


@app.command("info")
def lake_info(lake: LakePath, json_: JsonOut = None, config: Config = None) -> None:
    """Say what a lake holds."""
    from stillhunt.hunt.lake.info import info

    check_settings(config)
    _lake_answer(dict(info(open_lake(lake))), json_)


@app.command("expire")
def lake_expire(lake: LakePath, json_: JsonOut = None, config: Config = None) -> None:
    """Remove text and rows that are older than the settings allow, and prove it."""
    from stillhunt.hunt.lake.expire import expire
    from stillhunt.hunt.settings import read_settings

    keep = read_settings(config).lake
    gone = expire(
        open_lake(lake),
        text_days=keep.text_days,
        hot_days=keep.hot_days,
        now_us=time.time_ns() // 1000,
    )
    _lake_answer({part.part: asdict(part) for part in gone}, json_)


@app.command("compact")
def lake_compact(lake: LakePath, json_: JsonOut = None, config: Config = None) -> None:
    """Join the small files of each day."""
    from stillhunt.hunt.lake.compact import compact

    check_settings(config)
    _lake_answer(asdict(compact(open_lake(lake))), json_)


def _lake_answer(answer: dict[str, Any], json_: str | None) -> None:
    if json_ is not None:
        write_json({"schema": "stillhunt.lake/1", **answer}, json_)
        return
    for key, value in answer.items():
        inner = value if isinstance(value, dict) else {}
        typer.echo(f"{key}:" if inner else f"{key}: {value}")
        for name, one in inner.items():
            typer.echo(f"  {name or 'rows'}: {one}")
