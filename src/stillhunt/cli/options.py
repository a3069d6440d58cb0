"""Options that several commands have in common."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Accounts", "As", "Config", "Events", "HtmlOut", "JsonOut", "LakePath", "Logs", "Quiet",
    "Replay", "Sets", "Since", "To", "Until",
]  # fmt: skip

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
