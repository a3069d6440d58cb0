"""The commands that read logs and lakes: hunt, ingest, sweep, tail, schema, demo."""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from stillhunt.cli.answers import deliver, progress_bar, say, summary, write_json
from stillhunt.cli.options import (
    Accounts,
    As,
    Config,
    Events,
    HtmlOut,
    JsonOut,
    LakePath,
    Logs,
    Quiet,
    Replay,
    Sets,
    Since,
    To,
    Until,
)  # fmt: skip
from stillhunt.cli.sending import courier_to, outbox_to
from stillhunt.cli.told import check_settings, pairs
from stillhunt.model.errors import ConfigError

__all__ = ["COMMANDS"]


def hunt(
    logs: Logs,
    as_: As = None,
    accounts: Accounts = None,
    events: Events = None,
    lake: Annotated[
        Path | None, typer.Option("--lake", help="Keep the lake here; default a temporary one.")
    ] = None,
    sets: Sets = None,
    until: Until = None,
    replay: Replay = None,
    json_: JsonOut = None,
    html: HtmlOut = None,
    to: To = None,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Read logs and say who takes how much, from where, how regularly and how repetitively."""
    from stillhunt.hunt import call

    with outbox_to(to, config, quiet) as send:
        with progress_bar(quiet) as progress:
            report = call.hunt(
                logs, as_=as_, accounts=accounts, events=events, lake=lake, set=pairs(sets),
                until=until, replay=replay, config=config, html=html, progress=progress,
            )  # fmt: skip
        is_whole = send(report)
    deliver(report, json_, html, quiet, is_whole)


def ingest(
    logs: Logs,
    lake: LakePath,
    as_: As = None,
    json_: JsonOut = None,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Read logs into a lake, and account for every line."""
    from stillhunt.hunt import call

    with progress_bar(quiet) as progress:
        inputs = call.ingest(logs, lake=lake, as_=as_, config=config, progress=progress)
    if json_ is not None:
        write_json({"schema": "stillhunt.ingest/1", **inputs}, json_)
    if not quiet:
        for one in inputs["inputs"]:
            known = "; {known_lines} more were in the lake already" if one["known_lines"] else ""
            said = "{path}: {lines} lines = {rows} rows + {rejects} rejects ({reader})"
            say(said + known, one)


def sweep(
    lake: LakePath,
    accounts: Accounts = None,
    events: Events = None,
    sets: Sets = None,
    since: Since = None,
    until: Until = None,
    replay: Replay = None,
    json_: JsonOut = None,
    html: HtmlOut = None,
    to: To = None,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Ask a lake again."""
    from stillhunt.hunt import call

    with outbox_to(to, config, quiet) as send:
        with progress_bar(quiet) as progress:
            report = call.sweep(
                lake, accounts=accounts, events=events, set=pairs(sets), since=since,
                until=until, replay=replay, config=config, html=html, progress=progress,
            )  # fmt: skip
        is_whole = send(report)
    deliver(report, json_, html, quiet, is_whole)


def tail(
    logs: Logs,
    as_: As = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="Checkpoint to go on from, and to keep.")
    ] = None,
    lake: Annotated[
        Path | None, typer.Option("--lake", help="Ingest what comes into this lake, too.")
    ] = None,
    sets: Sets = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", help="Without a checkpoint: start or end (end; with --lake start)."
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Read what is there, then end.")] = False,
    json_: Annotated[
        str | None, typer.Option("--json", help="Append findings, one a line; - is stdout.")
    ] = None,
    to: To = None,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Follow logs as they grow, and say what is found while it happens."""
    from stillhunt.hunt.tail.lean import stay_small

    stay_small()  # before anything loads pyarrow

    from stillhunt.hunt.tail.command import follow

    if from_ not in {None, "start", "end"}:
        raise ConfigError(f"--from is {from_!r}; give start or end")
    with courier_to(to, config, quiet) as courier:
        code = follow(
            logs, as_=as_, state=state, lake=lake, overrides=pairs(sets), config=config,
            from_start=None if from_ is None else from_ == "start", once=once, json_to=json_,
            quiet=quiet, deliver=None if courier is None else courier.deliver_all,
        )  # fmt: skip
    raise typer.Exit(3 if courier and courier.lost else code)


def schema(
    name: Annotated[str, typer.Argument(help="exchange, report, finding ...")],
    config: Config = None,
) -> None:
    """Print a JSON Schema."""
    from stillhunt.cli.schemas import SCHEMAS
    from stillhunt.settings import near

    check_settings(config)
    if name not in SCHEMAS:
        raise ConfigError(
            f"there is no schema {name!r}; there are {', '.join(SCHEMAS)}{near(name, SCHEMAS)}"
        )
    write_json(SCHEMAS[name](), "-")


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the day, the lake, the page.")] = (
        Path("demo")
    ),
    seed: Annotated[int, typer.Option("--seed")] = 1,
    config: Config = None,
) -> None:
    """Generate a day of traffic with one clumsy harvester in it, and hunt it."""
    from stillhunt.hunt import call
    from stillhunt.hunt.settings import HuntSettings, read_settings
    from stillhunt.lab.simulate import demo_day

    settings = read_settings(config) if config else HuntSettings(folder=out)
    lake = out / "lake"
    shutil.rmtree(lake, ignore_errors=True)  # of an earlier demo
    with progress_bar(quiet=False) as progress:
        day = demo_day(out / "day", seed=seed)
        report = call.hunt(
            [str(day / "exchanges.jsonl")], accounts=day / "accounts.jsonl",
            events=day / "events.jsonl", html=out / "report.html", progress=progress,
            config=settings, lake=lake,
        )  # fmt: skip
    (out / "report.json").write_text(json.dumps(report.document, indent=1) + "\n")
    summary(report)
    typer.echo(f"\nThe lake, to ask again: stillhunt rules baseline --lake {lake}")
    typer.echo(f"The page: {(out / 'report.html').resolve()}")
    typer.echo(f"The same as JSON: {(out / 'report.json').resolve()}")


COMMANDS = (hunt, ingest, sweep, tail, schema, demo)
"""In the order of the help."""
