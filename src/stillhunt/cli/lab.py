"""The commands of the lab."""

from pathlib import Path
from typing import Annotated

import typer

from stillhunt.cli.judging import lab_judge
from stillhunt.cli.options import Config
from stillhunt.cli.told import check_settings

__all__ = ["app"]

app = typer.Typer(
    help="Make populations with known truth, play them, and judge hunts by it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("judge")(lab_judge)


@app.command("simulate")
def lab_simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    size: Annotated[str, typer.Option("--size", help="small, medium or large.")] = "small",
    seed: Annotated[int, typer.Option("--seed")] = 1,
    campaign: Annotated[list[str] | None, typer.Option("--campaign")] = None,
    base_rate: Annotated[float | None, typer.Option("--base-rate")] = None,
    days: Annotated[int | None, typer.Option("--days")] = None,
    accounts: Annotated[int | None, typer.Option("--accounts")] = None,
    evade: Annotated[
        list[str] | None,
        typer.Option(
            "--evade",
            metavar="NAME=VALUE",
            help="How campaigns hide: cover=0.8, proxies=no, pacing=workers, paraphrase=yes,"
            " cards=each, aged=yes, mimic=yes. Default: each in its own way.",
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Write a population's exchanges, accounts, events and truth."""
    from stillhunt.lab.evasion import Evasion
    from stillhunt.lab.simulate import simulate

    check_settings(config)
    made = simulate(
        out, size=size, seed=seed, campaigns=tuple(campaign or ()), base_rate=base_rate,
        days=days, accounts=accounts, evasion=Evasion.told(evade) if evade else None,
    )  # fmt: skip
    typer.echo(str(made), err=True)


@app.command("play")
def lab_play(
    folder: Annotated[Path, typer.Argument(help="Folder that simulate wrote.")],
    url: Annotated[str, typer.Option("--url", help="Where the requests go.")],
    speed: Annotated[
        str, typer.Option("--speed", help="How many times as fast as written: 60x, or max.")
    ] = "60x",
    at_once: Annotated[int, typer.Option("--at-once", help="Most requests under way.")] = 32,
    config: Config = None,
) -> None:
    """Send a population's requests to an HTTP end point, in order of time."""
    from stillhunt.lab.play import pace, play

    check_settings(config)
    played = play(folder, url, speed=pace(speed), at_once=at_once)
    typer.echo(str(played), err=True)
    if played.failed:
        raise typer.Exit(1)


@app.command("calibrate")
def lab_calibrate(
    folders: Annotated[list[Path], typer.Argument(help="Folders that simulate wrote.")],
    out: Annotated[Path, typer.Option("--out", help="File of the weights to write.")],
    json_: Annotated[
        str | None, typer.Option("--json", help="Write what was found held out here; - is stdout.")
    ] = None,
    config: Config = None,
) -> None:
    """Fit the weights of campaign evidence; each kind of campaign is held out whole in turn."""
    import json

    from stillhunt.cli.answers import write_json
    from stillhunt.lab.calibrate import calibrate, measure

    check_settings(config)
    populations = []
    for folder in folders:
        populations.append(measure(folder))
        typer.echo(f"{folder}: {populations[-1].attackers} attackers hunted", err=True)
    told, rows = calibrate(populations)
    out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        typer.echo(
            f"{', '.join(row['campaigns']):>12}  {row['attackers']:>4} attackers, held out:"
            f" recall {row['recall_at_fpr_0.001']:.2f} at FPR 1e-3,"
            f" {row['recall_at_fpr_0.0001']:.2f} at 1e-4",
            err=True,
        )
    if json_ is not None:
        write_json({"schema": "stillhunt.calibration/1", "held_out": rows}, json_)


@app.command("train")
def lab_train(
    out: Annotated[Path, typer.Option("--out", help="Folder to write models.npz and card.json.")],
    seed: Annotated[int, typer.Option("--seed")] = 1,
    texts: Annotated[int, typer.Option("--texts", help="How many texts to write.")] = 90_000,
    measure: Annotated[
        bool, typer.Option("--measure/--no-measure", help="Hold out families and measure.")
    ] = True,
    config: Config = None,
) -> None:
    """Train the text models that run at ingest, and measure them on what they have not seen."""
    from stillhunt.lab.train import train

    check_settings(config)
    typer.echo(train(out, seed=seed, texts=texts, measure=measure), err=True)
