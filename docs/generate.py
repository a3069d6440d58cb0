"""Write the reference pages from the code; ``--check`` says which of them are stale."""

import inspect
import json
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import typer
from pydantic import BaseModel

from stillhunt import registry
from stillhunt.cli import app
from stillhunt.cli.schemas import SCHEMAS
from stillhunt.desk.settings import TABLES, sink_options
from stillhunt.hunt import catalogue
from stillhunt.hunt.export import ask, targets
from stillhunt.hunt.kusto.asking import lacking
from stillhunt.hunt.kusto.tables import TABLES as KUSTO
from stillhunt.hunt.rule import load_rules
from stillhunt.model.errors import ExportError
from stillhunt.model.exchange import COLUMNS

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code: change it there. -->\n"


def columns() -> str:
    """Return the page of the exchange's columns."""
    rows = [
        (
            f"`{c.name}`",
            f"{c.kind}{', ' + c.unit if c.unit else ''}",
            c.note,
            *(f"`{other}`" if other else "" for other in (c.otel, c.ocsf, c.ecs)),
        )
        for c in COLUMNS
    ]
    head = ("column", "type, unit", "note", "OpenTelemetry", "OCSF 6003", "ECS")
    return (
        "# Columns of the exchange\n\nOne exchange is one request to a model and what came back. "
        "The native log format is JSON Lines with exactly these keys; a key that is absent is "
        "unknown, never zero, and keys that are not listed are passed over. "
        "`stillhunt schema exchange` prints the same as JSON Schema.\n\n" + _table(head, rows)
    )


def settings() -> str:
    """Return the page of every settings key."""
    text = (
        "# Settings\n\nOne file, `stillhunt.toml`, in the current folder or given by `--config`. "
        "`STILLHUNT_TABLE__KEY` in the environment wins over the file. An unknown key is an "
        "error that names the line and the nearest key. Paths start from the file's folder.\n"
    )
    for name, (kind, _) in TABLES.items():
        text += f"\n## `{name}`\n\n" + _settings_table(name, kind)
    for name, model in sink_options().items():
        text += f"\n## `desk.sinks.NAME`, kind `{name}`\n\n"
        text += (
            f"""```toml\n[desk.sinks.soc]\nkind = "{name}"\n```\n\n{inspect.getdoc(model)}\n\n"""
        )
        rows = [row for row in _settings_rows(model, "") if row[0] != "`kind`"]
        text += _table(("key", "type", "default", "meaning"), rows)
    return text


def _settings_table(name: str, kind: Any) -> str:
    model = kind if _is_model(kind) else next(filter(_is_model, get_args(kind)), None)
    if model is None:
        return (
            "One table per rule or detector, with the parameters that `--set` takes: "
            "`[detectors.volume]` and `tokens_per_day = 50000`. "
            "See [rules](rules.md) and [detectors](detectors.md).\n"
        )
    head = "[[{}]]" if get_args(kind) else "[{}]"
    rows = list(_settings_rows(model, ""))
    table = _table(("key", "type", "default", "meaning"), rows)
    return f"```toml\n{head.format(name)}\n```\n\n{inspect.getdoc(model)}\n\n{table}"


def _settings_rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        if _is_model(field.annotation):
            yield from _settings_rows(field.annotation, f"{prefix}{name}.")
            continue
        if field.is_required():
            default = "required"
        else:
            value = field.get_default(call_default_factory=True)
            default = "" if value in (None, (), {}) else f"`{json.dumps(value, default=str)}`"
        meaning = " ".join((field.description or "").split())
        yield f"`{prefix}{name}`", _type(field.annotation), default, meaning


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _type(annotation: Any) -> str:
    for told, shown in SHOWN.items():
        if told in str(annotation):
            return shown
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("pathlib.", "").replace("|", "or")


SHOWN = {"Options": "tables", "SecretPlace": "env:NAME or file:PATH", "_anchor": "Path"}
"""What a type is called where its own name would say nothing."""


def rules() -> str:
    """Return the page of every rule."""
    return _hunts("rule", "Rules", "A rule is a threshold. Its severity is its own.")


def detectors() -> str:
    """Return the page of every detector."""
    return _hunts("detector", "Detectors", "A detector measures one behaviour; it does not judge.")


def _hunts(kind: str, title: str, lead: str) -> str:
    text = f"# {title}\n\n{lead} A finding is a claim about a subject and accuses nobody.\n"
    for one in catalogue.listing()["hunts"]:
        if one["kind"] == kind:
            text += "\n" + catalogue.page(one["name"])
    return text


def readers() -> str:
    """Return the page of every reader and what it can fill."""
    text = (
        "# Readers\n\nA reader is one SQL projection from numbered lines to the columns of the "
        "exchange. Every line comes out once: as a row, or as a reject with its reason.\n"
    )
    for name, part in registry.parts("stillhunt.hunt.readers").items():
        doc = inspect.getdoc(sys.modules[part.__module__]) or ""
        fills = ", ".join(f"`{column}`" for column in part.fills)
        text += f"\n## `{name}`\n\n{doc}\n\nReads: {', '.join(part.frames)}. Fills: {fills}.\n"
    return text


def coverage() -> str:
    """Return the page format x hunt: what can be answered from which log."""
    parts = registry.parts("stillhunt.hunt.readers")
    rows = [
        (f"`{hunt}`", *(catalogue.answer(hunt, part.fills) for part in parts.values()))
        for hunt in (one["name"] for one in catalogue.listing()["hunts"])
    ]
    accounts = ", ".join(f"`{hunt.name}`" for hunt in catalogue.hunts() if hunt.accounts)
    return (
        "# What each log can answer\n\n`yes`: every column it wants can be there. `partly`: "
        "it answers with less. `no`: a column that it needs never is. A sweep says the same "
        "of the log that you have, from what really stood in it. Rules that look at the account "
        "directory (" + accounts + ") also need `--accounts`.\n\n" + _table(("hunt", *parts), rows)
    )


def exports() -> str:
    """Return the page rule x target: what each target has words for, and what it lacks."""
    kinds = [(name, "apilogs") for name in targets()]
    kinds += [("kql", table) for table in KUSTO if table != "apilogs"]
    asked = {table: ask(load_rules(), table=table) for table in KUSTO}
    lacks: list[str] = []
    rows = []
    for number, rule in enumerate(load_rules()):
        cells = []
        for to, table in kinds:
            try:
                one = asked[table][number]
                targets()[to].write(one)
                less = lacking(one) if "table" in targets()[to].options else ()
                cells.append("partly" if less else "yes")
                lacks += [f"- `{rule.name}`, {_kind(to, table)}, partly: {why}." for why in less]
            except ExportError as error:
                cells.append("no")
                lacks.append(f"- `{rule.name}`, {_kind(to, table)}: {error}.")
        rows.append((f"`{rule.name}`", *cells))
    text = (
        "# What each target can say\n\n`no` is an error that names what is missing; nothing is "
        "written then. `partly`: the table lacks a column that the rule would like to have, and "
        "the file says so. With the rules' own parameters; a shorter look-back by `--set` turns "
        "some `no` into `yes`. `sql` is the same in every dialect. How to take them home: "
        "[rules for other houses](../exports.md).\n\n"
        + _table(("rule", *(_kind(to, table) for to, table in kinds)), rows)
        + "\n## What is missing\n\n"
        + "\n".join(lacks)
        + "\n"
    )
    for name, columns in KUSTO["apilogs"].declared.items():
        types = [(f"`{column}`", kind) for column, kind in columns.items()]
        text += f"\n## Columns of `{name}`\n\n" + _table(("column", "type"), types)
    return text


def _kind(to: str, table: str) -> str:
    return f"`{to}`" if table == "apilogs" else f"`{to}`, `{table}`"


def commands() -> str:
    """Return the page of every command and option."""
    root = typer.main.get_command(app)
    text = (
        "# Commands\n\nExit codes: 0 done, nothing found · 1 findings · 2 usage or input error · "
        "3 internal error, output incomplete.\n"
    )
    for path, command in _walk(root, ()):
        context = typer.Context(command, info_name=" ".join(("stillhunt", *path)))
        text += f"\n## {' '.join(path)}\n\n```text\n{command.get_help(context)}\n```\n"
    return text


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in getattr(command, "commands", {}).items():
        if hasattr(child, "commands"):
            yield from _walk(child, (*path, name))
        else:
            yield (*path, name), child


def report() -> str:
    """Return the page of the published schemas."""
    text = (
        "# Report and other schemas\n\n`--json` writes the report. Each schema is printed by "
        "`stillhunt schema NAME`.\n"
    )
    for name, make in SCHEMAS.items():
        text += f"\n## `{name}`\n\n```json\n{json.dumps(make(), indent=1)}\n```\n"
    return text


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    page.__name__: page
    for page in (columns, settings, rules, detectors, readers, coverage, exports, commands, report)
}


def stale() -> list[str]:
    """Return the names of the pages that differ from what the code says."""
    found = []
    for name, page in PAGES.items():
        path = REFERENCE / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != NOTE + page():
            found.append(name)
    return found


def main() -> None:
    """Write the pages, or check them."""
    if "--check" in sys.argv[1:]:
        if names := stale():
            sys.exit(f"stale: {', '.join(names)}; run ./dev generate")
        return
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / f"{name}.md").write_text(NOTE + page(), encoding="utf-8")


if __name__ == "__main__":
    main()
