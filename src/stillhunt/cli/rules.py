"""The commands about rules."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stillhunt.cli.answers import say, write_json
from stillhunt.cli.options import Accounts, Config, JsonOut, LakePath, Sets, Until
from stillhunt.cli.told import open_lake, pairs, rules_of

__all__ = ["app"]

app = typer.Typer(
    help="List, read, test, size and export the rules.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def rules_list(json_: JsonOut = None, config: Config = None) -> None:
    """List every rule and detector with its parameters."""
    from stillhunt.hunt import catalogue

    rules = rules_of(config)
    if json_ is not None:
        write_json(catalogue.listing(rules), json_)
        return
    for hunt in catalogue.hunts(rules):
        say("{name:16} {kind:8} {title}", vars(hunt))
        for one in hunt.parameters:
            default = '""' if one.default == "" else one.default
            told = {"name": one.full_name, "default": default, "unit": one.unit or one.kind}
            say("    {name} = {default} [{unit}]", told)


@app.command("show")
def rules_show(name: str, json_: JsonOut = None, config: Config = None) -> None:
    """Print what a rule or detector measures, and its SQL."""
    from stillhunt.hunt import catalogue
    from stillhunt.hunt.report.visible import LIMIT, visible

    rules = rules_of(config)
    if json_ is not None:
        write_json(catalogue.described(name, rules), json_)
    else:
        for line in catalogue.show(name, rules).split("\n"):
            typer.echo(visible(line.expandtabs(), 2 * LIMIT))


@app.command("test")
def rules_test(
    names: Annotated[list[str] | None, typer.Argument(help="Rules; default all.")] = None,
    json_: JsonOut = None,
    config: Config = None,
) -> None:
    """Run the tests that stand in the rules' files; 1 when one fails."""
    from stillhunt.hunt.rule_tests import told, try_rules

    outcomes = []
    for one in try_rules(rules_of(config), names or ()):
        outcomes.append(one)
        if json_ is None and (one.wrong or not one.test):
            for line in told(one):
                say("{line}", {"line": line})
    failed = sum(not one.is_passed for one in outcomes)
    if json_ is not None:
        write_json(
            {"schema": "stillhunt.rule-tests/1", "tests": [asdict(o) for o in outcomes]}, json_
        )
    else:
        ran = sum(bool(one.test) for one in outcomes)
        typer.echo(f"{ran - failed} of {ran} tests passed", err=True)
    if failed:
        raise typer.Exit(1)


@app.command("export")
def rules_export(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    to: Annotated[str, typer.Option("--to", help="kql, sentinel, defender, sigma, sql ...")],
    names: Annotated[list[str] | None, typer.Argument(help="Rules; default all.")] = None,
    table: Annotated[
        str | None, typer.Option("--table", help="KQL: apilogs (the default), apim or litellm.")
    ] = None,
    dialect: Annotated[
        str | None,
        typer.Option("--dialect", help="SQL: duckdb (the default), spark, clickhouse ..."),
    ] = None,
    sets: Sets = None,
    until: Until = None,
    config: Config = None,
) -> None:
    """Write rules for a SIEM, each for itself; one that the target cannot say is an error."""
    from stillhunt.hunt.export import ask, export, until_us
    from stillhunt.hunt.rule_files import all_rules
    from stillhunt.hunt.settings import read_settings

    settings = read_settings(config)
    told = {"table": table, "dialect": dialect}
    given = {name: value for name, value in told.items() if value is not None}
    asked = ask(
        all_rules(settings), names or (), told=settings.detectors, overrides=pairs(sets),
        until_us=until_us(until), **given,
    )  # fmt: skip
    written, refused = export(asked, to, out, given)
    for path in written:
        say("{path}", {"path": str(path)})
    for error in refused:
        typer.echo(f"stillhunt: {error}", err=True)
    if refused:
        raise typer.Exit(2)


@app.command("baseline")
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
            open_lake(lake),
            settings=read_settings(config),
            overrides=pairs(sets),
            accounts=accounts,
        )
    if json_ is not None:
        write_json(answer, json_)
    else:
        typer.echo(baseline_text(answer))
