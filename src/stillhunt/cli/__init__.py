"""The command line: it joins the rooms and says, in one sentence, what went wrong.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
Machine output goes to a file or to ``-``; progress and prose go to standard error.
"""

import gc
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from stillhunt import __version__
from stillhunt.cli import desk, hunts, lab, lake, rules
from stillhunt.model.errors import StillhuntError

__all__ = ["app", "main"]

app = typer.Typer(
    name="stillhunt",
    help="Find, stop and prove distillation attacks on LLM APIs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in hunts.COMMANDS:
    app.command()(command)
for room in (lake, rules, desk, lab):
    app.add_typer(room.app, name=room.__name__.rpartition(".")[2])


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
