"""The commands of the lab."""

from pathlib import Path
from typing import Annotated

import typer

from stillhunt.cli.judging import lab_judge
from stillhunt.cli.options import Config
from stillhunt.cli.told import check_settings

__all__ = ["app"]

app = typer.Typer(
    help="Make populations with known truth, and judge hunts by it.",
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
    config: Config = None,
) -> None:
    """Write a population's exchanges, accounts, events and truth."""
    from stillhunt.lab.simulate import simulate

    check_settings(config)
    made = simulate(
        out, size=size, seed=seed, campaigns=tuple(campaign or ()), base_rate=base_rate,
        days=days, accounts=accounts,
    )  # fmt: skip
    typer.echo(str(made), err=True)
