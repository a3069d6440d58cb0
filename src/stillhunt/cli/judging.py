"""``lab judge``: a report held against the truth."""

from pathlib import Path
from typing import Annotated

import typer

from stillhunt.cli.answers import tell, write_json
from stillhunt.cli.options import Config, JsonOut, Quiet
from stillhunt.cli.told import check_settings

__all__ = ["lab_judge"]


def lab_judge(
    report: Annotated[Path, typer.Option("--report", help="JSON of a hunt.")],
    truth: Annotated[Path, typer.Option("--truth", help="truth.jsonl of the population.")],
    exchanges: Annotated[
        Path | None,
        typer.Option("--exchanges", help="What was sent: for tokens, activity and baselines."),
    ] = None,
    json_: JsonOut = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the judgement as a page.")
    ] = None,
    unseen: Annotated[
        list[str] | None,
        typer.Option("--unseen", help="A campaign that the hunt was not fitted on."),
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Simple scores beside ours.")
    ] = True,
    severity: Annotated[
        int, typer.Option("--severity", min=1, max=5, help="Campaigns below it tell nobody.")
    ] = 3,
    reaction: Annotated[
        str, typer.Option("--reaction", help="From an alert to the accounts' end, such as 1h.")
    ] = "1h",
    rounds: Annotated[
        int, typer.Option("--rounds", min=0, max=100_000, help="Bootstrap samples; 0 for none.")
    ] = 400,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")] = 0,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Hold a report against the truth: precision, recall, campaigns, tokens, baselines."""
    from stillhunt.hunt.parameters import duration_us
    from stillhunt.lab.judge import page, telling
    from stillhunt.lab.judge.case import Rules, put_together
    from stillhunt.lab.judge.judgement import Bootstrap, conclude

    check_settings(config)
    rules = Rules(least_severity=severity, reaction_us=duration_us(reaction, "--reaction"))
    case = put_together(report, truth, exchanges, with_baselines=baselines, rules=rules)
    judged = conclude(case, unseen=unseen or (), bootstrap=Bootstrap(rounds=rounds, seed=seed))
    if not quiet:
        tell(list(telling.summary(judged)))
    if html is not None:
        page.write(html, telling.page_of(judged))
    if json_ is not None:
        write_json(judged.model_dump(mode="json", by_alias=True), json_)
