"""A page of tables and pictures as one HTML file: no network, no script, no inline style."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from stillhunt import __version__
from stillhunt.model.errors import OutputError

__all__ = ["Page", "Section", "Table", "render", "write"]


@dataclass(frozen=True)
class Table:
    """Rows below a head; the first column names them."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Section:
    """Pictures side by side, and tables below."""

    title: str
    note: str = ""
    pictures: Sequence[Markup] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything that a page says."""

    title: str
    lead: str
    corner: str = ""
    notes: Sequence[str] = ()
    tiles: Sequence[tuple[str, str, str]] = ()
    """Name, figure, and what it rests on."""
    sections: Sequence[Section] = ()


def render(page: Page) -> str:
    """Return *page* as HTML; whatever it says is escaped."""
    css = _asset("stillhunt.hunt.report") + _asset("stillhunt.lab.judge")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files("stillhunt.lab.judge").joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(text).render(
        page=page,
        css=Markup(css),  # noqa: S704 - our own files
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'",
        version=__version__,
    )


def _asset(package: str) -> str:
    return files(package).joinpath("page.css").read_text(encoding="utf-8")


def write(path: Path, page: Page) -> None:
    """Write *page* to *path*, whole or not at all.

    Raises:
        OutputError: The file cannot be written.
    """
    half = path.with_name(f".{path.name}.half")
    try:
        half.write_text(render(page), encoding="utf-8")
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise OutputError(f"cannot write the page {path}: {error.strerror}") from error
