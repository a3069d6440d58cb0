"""The commands of the desk."""

import typer

from stillhunt.cli.answers import tell
from stillhunt.cli.options import Config, To
from stillhunt.model.errors import ConfigError

__all__ = ["app"]

app = typer.Typer(
    help="Send findings to where people look.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("send")
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
        tell(outbox.report(outbox.flush()))
        if not outbox.is_settled:
            raise typer.Exit(3)
