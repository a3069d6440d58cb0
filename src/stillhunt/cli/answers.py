"""What commands answer: JSON for machines, lines for people, and the exit code."""

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stillhunt.model.errors import OutputError

if TYPE_CHECKING:
    from stillhunt.hunt.call import Report

__all__ = ["deliver", "progress_bar", "say", "summary", "tell", "write_json"]


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Any]:
    """Give a progress display on a terminal, and nothing elsewhere."""
    from stillhunt.hunt.report.progress import Progress

    with Progress(enabled=not quiet and sys.stderr.isatty()) as progress:
        yield progress


def tell(lines: list[str]) -> None:
    """Say lines that may hold words from elsewhere."""
    from stillhunt.hunt.report.visible import visible

    for line in lines:
        typer.echo(visible(line), err=True)


def summary(report: "Report") -> None:
    """Print a report for a terminal."""
    from stillhunt.hunt.report.terminal import print_summary

    print_summary(report.document, report.pictures)


def deliver(
    report: "Report", json_: str | None, html: Path | None, quiet: bool, is_whole: bool = True
) -> None:
    """Write what was asked for and leave with 1 when something was found."""
    if not quiet:
        from stillhunt.hunt.report.terminal import print_summary

        print_summary(report.document, report.pictures, to_stderr=json_ == "-", page=html)
    for file in report.quarantine:
        typer.echo(f"rejects: {file}", err=True)
    if json_ is not None:
        write_json(report.document, json_)
    if not is_whole:
        raise typer.Exit(3)
    if any(f["allowed"] is None for f in report.document["findings"]):
        raise typer.Exit(1)


def say(template: str, values: dict[str, Any]) -> None:
    """Say *template* filled with *values*, which may hold words from elsewhere."""
    from stillhunt.hunt.report.terminal import printable

    shown = {k: printable(v) if isinstance(v, str) else v for k, v in values.items()}
    typer.echo(template.format(**shown), err=True)


def write_json(document: dict[str, Any], target: str) -> None:
    """Write *document* to the file *target*, whole or not at all, or to ``-``.

    Raises:
        OutputError: It cannot be written.
    """
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    data = text.encode("utf-8", "replace")
    try:
        if target == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
            return
        if _is_device(Path(target)):
            Path(target).write_bytes(data)
            return
        draft = Path(f"{target}.new")  # a reader must never find half a report
        draft.write_bytes(data)
        draft.replace(target)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write --json {target}: {error.strerror or error}") from error


def _is_device(path: Path) -> bool:
    """Say whether there is something at *path* that no file may take the place of."""
    return path.exists() and not stat.S_ISREG(path.stat().st_mode)
