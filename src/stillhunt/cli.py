"""The command line: it joins the rooms and says, in one sentence, what went wrong.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
Machine output goes to a file or to ``-``; progress and prose go to standard error.
"""

import gc
import json
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillhunt import __version__
from stillhunt.model.errors import ConfigError, OutputError, StillhuntError

if TYPE_CHECKING:
    from stillhunt.desk.courier import Courier
    from stillhunt.hunt.call import Report
    from stillhunt.hunt.lake.store import Lake
    from stillhunt.hunt.rule import Rule

__all__ = ["app", "main"]

app = typer.Typer(
    name="stillhunt",
    help="Find, stop and prove distillation attacks on LLM APIs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
lake_app = typer.Typer(help="Look after a lake.", no_args_is_help=True, rich_markup_mode=None)
rules_app = typer.Typer(
    help="List, read and size the rules.", no_args_is_help=True, rich_markup_mode=None
)
desk_app = typer.Typer(
    help="Send findings to where people look.", no_args_is_help=True, rich_markup_mode=None
)
lab_app = typer.Typer(
    help="Make populations with known truth.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(lake_app, name="lake")
app.add_typer(rules_app, name="rules")
app.add_typer(desk_app, name="desk")
app.add_typer(lab_app, name="lab")

Logs = Annotated[list[str], typer.Argument(help="Files or globs; plain, .gz or .zst; - is stdin.")]
As = Annotated[str | None, typer.Option("--as", help="Format; else told from the first lines.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file; default ./stillhunt.toml if any.")
]
LakePath = Annotated[Path, typer.Option("--lake", help="Folder of the lake.")]
Accounts = Annotated[Path | None, typer.Option("--accounts", help="Account directory.")]
Events = Annotated[Path | None, typer.Option("--events", help="Event list.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="NAME=VALUE, one parameter of a rule.")
]
Since = Annotated[str | None, typer.Option("--since", help="From this time on, RFC 3339.")]
Until = Annotated[
    str | None, typer.Option("--until", help="Up to this time; default the newest exchange.")
]
Replay = Annotated[
    str | None, typer.Option("--replay", help="Repeat at every step of log time, such as 1h.")
]
JsonOut = Annotated[
    str | None, typer.Option("--json", help="Write the report here; - is standard output.")
]
HtmlOut = Annotated[Path | None, typer.Option("--html", help="Write the report as a page.")]
To = Annotated[
    list[str] | None, typer.Option("--to", help="Send findings to this sink of the settings.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"stillhunt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    pass


@app.command()
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

    with _outbox(to, config, quiet) as send:
        with _progress(quiet) as progress:
            report = call.hunt(
                logs, as_=as_, accounts=accounts, events=events, lake=lake, set=_pairs(sets),
                until=until, replay=replay, config=config, html=html, progress=progress,
            )  # fmt: skip
        is_whole = send(report)
    _deliver(report, json_, html, quiet, is_whole)


@app.command()
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

    with _progress(quiet) as progress:
        inputs = call.ingest(logs, lake=lake, as_=as_, config=config, progress=progress)
    if json_ is not None:
        _write_json({"schema": "stillhunt.ingest/1", **inputs}, json_)
    if not quiet:
        for one in inputs["inputs"]:
            _say("{path}: {lines} lines = {rows} rows + {rejects} rejects ({reader})", one)


@app.command()
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

    with _outbox(to, config, quiet) as send:
        with _progress(quiet) as progress:
            report = call.sweep(
                lake, accounts=accounts, events=events, set=_pairs(sets), since=since,
                until=until, replay=replay, config=config, html=html, progress=progress,
            )  # fmt: skip
        is_whole = send(report)
    _deliver(report, json_, html, quiet, is_whole)


@app.command()
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
    with _courier(to, config, quiet) as courier:
        code = follow(
            logs, as_=as_, state=state, lake=lake, overrides=_pairs(sets), config=config,
            from_start=None if from_ is None else from_ == "start", once=once, json_to=json_,
            quiet=quiet, deliver=None if courier is None else courier.deliver,
        )  # fmt: skip
    raise typer.Exit(3 if courier and courier.lost else code)


@app.command()
def schema(
    name: Annotated[str, typer.Argument(help="exchange, report, finding ...")],
    config: Config = None,
) -> None:
    """Print a JSON Schema."""
    from stillhunt.hunt.report.schemas import SCHEMAS
    from stillhunt.settings import near

    _check(config)
    if name not in SCHEMAS:
        raise ConfigError(
            f"there is no schema {name!r}; there are {', '.join(SCHEMAS)}{near(name, SCHEMAS)}"
        )
    _write_json(SCHEMAS[name](), "-")


@app.command()
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
    with _progress(quiet=False) as progress:
        day = demo_day(out / "day", seed=seed)
        report = call.hunt(
            [str(day / "exchanges.jsonl")], accounts=day / "accounts.jsonl",
            events=day / "events.jsonl", html=out / "report.html", progress=progress,
            config=settings, lake=lake,
        )  # fmt: skip
    (out / "report.json").write_text(json.dumps(report.document, indent=1) + "\n")
    _summary(report)
    typer.echo(f"\nThe lake, to ask again: stillhunt rules baseline --lake {lake}")
    typer.echo(f"The page: {(out / 'report.html').resolve()}")
    typer.echo(f"The same as JSON: {(out / 'report.json').resolve()}")


@lake_app.command("info")
def lake_info(lake: LakePath, json_: JsonOut = None, config: Config = None) -> None:
    """Say what a lake holds."""
    from stillhunt.hunt.lake.info import info

    _check(config)
    _lake_answer(dict(info(_open(lake))), json_)


@lake_app.command("expire")
def lake_expire(lake: LakePath, json_: JsonOut = None, config: Config = None) -> None:
    """Remove text and rows that are older than the settings allow, and prove it."""
    from stillhunt.hunt.lake.expire import expire
    from stillhunt.hunt.settings import read_settings

    keep = read_settings(config).lake
    gone = expire(
        _open(lake),
        text_days=keep.text_days,
        hot_days=keep.hot_days,
        now_us=time.time_ns() // 1000,
    )
    _lake_answer({part.part: asdict(part) for part in gone}, json_)


@lake_app.command("compact")
def lake_compact(lake: LakePath, json_: JsonOut = None, config: Config = None) -> None:
    """Join the small files of each day."""
    from stillhunt.hunt.lake.compact import compact

    _check(config)
    _lake_answer(asdict(compact(_open(lake))), json_)


@rules_app.command("list")
def rules_list(json_: JsonOut = None, config: Config = None) -> None:
    """List every rule and detector with its parameters."""
    from stillhunt.hunt import catalogue

    rules = _rules(config)
    if json_ is not None:
        _write_json(catalogue.listing(rules), json_)
        return
    for one in catalogue.listing(rules)["hunts"]:
        _say("{name:16} {kind:8} {title}", one)
        for parameter in one["parameters"]:
            _say("    {name} = {default} [{unit}]", parameter)


@rules_app.command("show")
def rules_show(name: str, json_: JsonOut = None, config: Config = None) -> None:
    """Print what a rule or detector measures, and its SQL."""
    from stillhunt.hunt import catalogue

    rules = _rules(config)
    if json_ is not None:
        _write_json(catalogue.described(name, rules), json_)
    else:
        typer.echo(catalogue.show(name, rules))


@rules_app.command("test")
def rules_test(
    names: Annotated[list[str] | None, typer.Argument(help="Rules; default all.")] = None,
    json_: JsonOut = None,
    config: Config = None,
) -> None:
    """Run the tests that stand in the rules' files; 1 when one fails."""
    from stillhunt.hunt.rule_tests import told, try_rules

    outcomes = []
    for one in try_rules(_rules(config), names or ()):
        outcomes.append(one)
        if json_ is None and (one.wrong or not one.test):
            for line in told(one):
                _say("{line}", {"line": line})
    failed = sum(not one.is_passed for one in outcomes)
    if json_ is not None:
        _write_json(
            {"schema": "stillhunt.rule-tests/1", "tests": [asdict(o) for o in outcomes]}, json_
        )
    else:
        ran = sum(bool(one.test) for one in outcomes)
        typer.echo(f"{ran - failed} of {ran} tests passed", err=True)
    if failed:
        raise typer.Exit(1)


@rules_app.command("export")
def rules_export(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    to: Annotated[str, typer.Option("--to", help="kql, sentinel, defender, sigma, sql ...")],
    names: Annotated[list[str] | None, typer.Argument(help="Rules; default all.")] = None,
    table: Annotated[
        str, typer.Option("--table", help="KQL: apilogs, apim or litellm.")
    ] = "apilogs",
    dialect: Annotated[
        str, typer.Option("--dialect", help="SQL: duckdb, spark, clickhouse ...")
    ] = "duckdb",
    sets: Sets = None,
    until: Until = None,
    config: Config = None,
) -> None:
    """Write rules for a SIEM, each for itself; one that the target cannot say is an error."""
    from stillhunt.hunt.export import ask, export, until_us
    from stillhunt.hunt.rule_files import all_rules
    from stillhunt.hunt.settings import read_settings

    settings = read_settings(config)
    asked = ask(
        all_rules(settings), names or (), told=settings.detectors, overrides=_pairs(sets),
        table=table, dialect=dialect, until_us=until_us(until),
    )  # fmt: skip
    written, refused = export(asked, to, out)
    for path in written:
        _say("{path}", {"path": str(path)})
    for error in refused:
        typer.echo(f"stillhunt: {error}", err=True)
    if refused:
        raise typer.Exit(2)


@rules_app.command("baseline")
def rules_baseline(
    lake: LakePath,
    accounts: Accounts = None,
    sets: Sets = None,
    json_: JsonOut = None,
    config: Config = None,
) -> None:
    """Show each rule's figures in your own traffic, and what each bound would find."""
    from stillhunt.hunt.baseline import baseline
    from stillhunt.hunt.lake.health import answering
    from stillhunt.hunt.report.terminal import baseline_text
    from stillhunt.hunt.settings import read_settings

    with answering(lake):
        answer = baseline(
            _open(lake), settings=read_settings(config), overrides=_pairs(sets), accounts=accounts
        )
    if json_ is not None:
        _write_json(answer, json_)
    else:
        typer.echo(baseline_text(answer))


@desk_app.command("send")
def desk_send(to: To = None, config: Config = None) -> None:
    """Send what waits in the spool now, what was parked as well; 3 if something still waits."""
    from stillhunt.desk.outbox import Outbox, open_spool, routes
    from stillhunt.desk.settings import read_settings

    desk = read_settings(config)
    ways = routes(desk, to)
    if not ways:
        raise ConfigError("there is no sink; a table [desk.sinks.NAME] in the settings makes one")
    with open_spool(desk) as spool:
        outbox = Outbox(ways, spool)
        for way in ways:
            spool.revive(way.name)
        _tell(outbox.report(outbox.flush()))
        if not outbox.is_settled:
            raise typer.Exit(3)


@lab_app.command("simulate")
def lab_simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    size: Annotated[str, typer.Option("--size", help="small, medium or large.")] = "small",
    seed: Annotated[int, typer.Option("--seed")] = 1,
    campaign: Annotated[list[str] | None, typer.Option("--campaign")] = None,
    base_rate: Annotated[float | None, typer.Option("--base-rate")] = None,
    days: Annotated[int | None, typer.Option("--days")] = None,
    accounts: Annotated[int | None, typer.Option("--accounts")] = None,
    config: Config = None,
) -> None:
    """Write a population's exchanges, accounts, events and truth."""
    from stillhunt.lab.simulate import simulate

    _check(config)
    made = simulate(
        out, size=size, seed=seed, campaigns=tuple(campaign or ()), base_rate=base_rate,
        days=days, accounts=accounts,
    )  # fmt: skip
    typer.echo(str(made), err=True)


def _rules(config: Path | None) -> "tuple[Rule, ...]":
    """Return the rules that ship with Stillhunt and those that the settings name."""
    from stillhunt.hunt.rule_files import all_rules
    from stillhunt.hunt.settings import read_settings

    return all_rules(read_settings(config))


def _check(config: Path | None) -> None:
    """Refuse a settings file with a mistake, also where nothing of it is needed."""
    if config is not None:
        from stillhunt.desk.settings import read_settings

        read_settings(config)


def _pairs(sets: list[str] | None) -> dict[str, str]:
    """Split NAME=VALUE; the names are checked where the parameters are known."""
    pairs = {}
    for one in sets or ():
        name, sign, value = one.partition("=")
        if not sign or not name.strip():
            raise ConfigError(f"--set {one!r}: expected NAME=VALUE")
        pairs[name.strip()] = value.strip()
    return pairs


def _open(path: Path) -> "Lake":
    from stillhunt.hunt.lake.store import Lake

    return Lake.open(path)


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    """Give a progress display on a terminal, and nothing elsewhere."""
    from stillhunt.hunt.report.progress import Progress

    with Progress(enabled=not quiet and sys.stderr.isatty()) as progress:
        yield progress


@contextmanager
def _outbox(
    to: list[str] | None, config: Path | None, quiet: bool
) -> Iterator[Callable[["Report"], bool]]:
    """Give what sends a report's findings to the sinks *to*; mistakes show before any work.

    It returns whether each of them was sent or is kept until it can be.
    """
    from stillhunt.desk.outbox import Outbox, open_spool, routes
    from stillhunt.desk.settings import read_settings
    from stillhunt.hunt.report.document import read_findings

    desk = read_settings(config)
    if not to:
        yield lambda _: True
        return
    ways = routes(desk, to)
    with open_spool(desk) as spool:
        outbox = Outbox(ways, spool)

        def send(report: "Report") -> bool:
            outbox.deliver_all(read_findings(report.document))
            lines = outbox.report(outbox.flush())
            if not (quiet and outbox.is_settled):
                _tell(lines)
            return outbox.lost == 0

        yield send


@contextmanager
def _courier(to: list[str] | None, config: Path | None, quiet: bool) -> "Iterator[Courier | None]":
    """Give what carries findings to the sinks *to* while they are found, or None."""
    from stillhunt.desk.courier import Courier
    from stillhunt.desk.outbox import open_spool, routes
    from stillhunt.desk.settings import read_settings

    desk = read_settings(config)
    if not to:
        yield None
        return
    courier = Courier(routes(desk, to), lambda: open_spool(desk), say=lambda one: _tell([one]))
    try:
        yield courier
    finally:
        lines = courier.close()
        if not (quiet and courier.is_settled):
            _tell(lines)


def _tell(lines: list[str]) -> None:
    """Say lines that may hold words from elsewhere."""
    from stillhunt.hunt.report.visible import visible

    for line in lines:
        typer.echo(visible(line), err=True)


def _summary(report: "Report") -> None:
    from stillhunt.hunt.report.terminal import print_summary

    print_summary(report.document, report.pictures)


def _deliver(
    report: "Report", json_: str | None, html: Path | None, quiet: bool, is_whole: bool = True
) -> None:
    """Write what was asked for and leave with 1 when something was found."""
    if not quiet:
        from stillhunt.hunt.report.terminal import print_summary

        print_summary(report.document, report.pictures, to_stderr=json_ == "-", page=html)
    for file in report.quarantine:
        typer.echo(f"rejects: {file}", err=True)
    if json_ is not None:
        _write_json(report.document, json_)
    if not is_whole:
        raise typer.Exit(3)
    if any(f["allowed"] is None for f in report.document["findings"]):
        raise typer.Exit(1)


def _lake_answer(answer: dict[str, Any], json_: str | None) -> None:
    if json_ is not None:
        _write_json({"schema": "stillhunt.lake/1", **answer}, json_)
        return
    for key, value in answer.items():
        inner = value if isinstance(value, dict) else {}
        typer.echo(f"{key}:" if inner else f"{key}: {value}")
        for name, one in inner.items():
            typer.echo(f"  {name or 'rows'}: {one}")


def _say(template: str, values: dict[str, Any]) -> None:
    from stillhunt.hunt.report.terminal import printable

    shown = {k: printable(v) if isinstance(v, str) else v for k, v in values.items()}
    typer.echo(template.format(**shown), err=True)


def _write_json(document: dict[str, Any], target: str) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    data = text.encode("utf-8", "replace")
    try:
        if target == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
            return
        draft = Path(f"{target}.new")  # a reader must never find half a report
        draft.write_bytes(data)
        draft.replace(target)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write --json {target}: {error.strerror or error}") from error


def _end(number: int, frame: object) -> None:
    """End as after an error, so that temporary lakes are removed."""
    raise SystemExit(128 + number)


def main(run: Callable[[], Any] = app) -> None:
    """Run the command line; a StillhuntError becomes one sentence and its exit code."""
    signal.signal(signal.SIGTERM, _end)
    gc.set_threshold(100_000, 20, 100)  # looking through what libraries load took 0.2 s of 1.3
    try:
        run()
    except StillhuntError as error:
        typer.echo(f"stillhunt: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        sys.stdout = None  # or Python complains once more when it closes it
        raise SystemExit(3) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception:  # whatever it was: 1 would mean findings
        traceback.print_exc()
        typer.echo("stillhunt: internal error, the output is incomplete", err=True)
        raise SystemExit(3) from None
