"""Rules for other houses: each written for a target, one file a rule.

A target is a part in ``hunt/exports``. It reads the rule's plan; what it has no words for it
refuses with an ``ExportError``, and the other rules are still written.
"""

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from stillhunt import registry
from stillhunt.hunt.kusto.tables import TABLES
from stillhunt.hunt.parameters import Value, resolve
from stillhunt.hunt.plan import Plan
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.rule_plan import rule_plan
from stillhunt.model.errors import ConfigError, ExportError, OutputError
from stillhunt.settings import near

__all__ = ["TARGETS", "Asked", "Target", "ask", "export", "targets", "until_us"]

TARGETS = "stillhunt.hunt.exports"
MARK = "stillhunt rules export"
FIRST_YEAR, LAST_YEAR = 1990, 2099  # as of every exchange
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One rule that is to be written, and how."""

    rule: Rule
    values: Mapping[str, Value]
    plan: Plan
    table: str = "apilogs"
    dialect: str = "duckdb"
    until_us: int | None = None
    """End of the period; None is the newest there is when the query runs [us since epoch]."""


class Target(Protocol):
    """Writes one rule."""

    comment: tuple[str, str]
    """What begins and ends a line that the target's readers pass over."""
    options: tuple[str, ...]
    """Those of ``table`` and ``dialect`` that it looks at."""

    def file_name(self, asked: Asked) -> str:
        """Return the name of the file that *asked* goes to."""
        ...

    def write(self, asked: Asked) -> str:
        """Return the file's text.

        Raises:
            ExportError: The target has no words for the rule; says what it lacks.
        """
        ...


def targets() -> Mapping[str, Target]:
    """Return every target by name."""
    return {name: part() for name, part in registry.parts(TARGETS).items()}


def ask(
    rules: Iterable[Rule],
    names: Sequence[str] = (),
    *,
    told: Mapping[str, Mapping[str, Value]] | None = None,
    overrides: Mapping[str, str] | None = None,
    **how: Any,  # noqa: ANN401 - the fields of Asked
) -> list[Asked]:
    """Return what is asked of a target for the rules called *names*; none means all of them.

    Args:
        rules: The rules there are.
        names: Which of them.
        told: Parameters of the settings, by rule.
        overrides: Parameters as ``--set`` takes them.
        how: Table, dialect and end of the period, as in ``Asked``.

    Raises:
        ConfigError: A name or a parameter that there is not, with near names.
    """
    known = {rule.name: rule for rule in rules}
    for name in names:
        if name not in known:
            raise ConfigError(f"no rule is called {name!r}{near(name, known)}")
    parameters = [one for rule in known.values() for one in rule.known_parameters]
    own = {name: table for name, table in (told or {}).items() if name in known}
    values = resolve(parameters, own, overrides or {})
    return [
        Asked(
            rule=known[name],
            values=values.get(name, {}),
            plan=rule_plan(known[name], values.get(name, {})),
            **how,
        )
        for name in dict.fromkeys(names or known)
    ]


def until_us(text: str | None) -> int | None:
    """Return the moment that *text* names, RFC 3339 [us since epoch].

    Raises:
        ConfigError: It is no such time.
    """
    if text is None:
        return None
    wanted = "give RFC 3339 with a time zone, such as 2026-03-01T12:00:00Z"
    try:
        moment = datetime.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError(f"--until {text!r}: {wanted}") from error
    if moment.tzinfo is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ConfigError(f"--until {text!r}: {wanted}, from {FIRST_YEAR} to {LAST_YEAR}")
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


def export(
    asked: Iterable[Asked], to: str, out: Path, given: Collection[str] = ()
) -> tuple[list[Path], list[ExportError]]:
    """Write each rule for the target *to* into the folder *out*.

    Args:
        asked: The rules.
        to: The target.
        out: The folder.
        given: Options that somebody named; one that the target does not look at is a mistake.

    Returns:
        The files, and why there is none for the other rules.

    Raises:
        ConfigError: There is no such target or table, or an option is none of the target's.
        OutputError: A file cannot be written, or is not one that such an export wrote.
    """
    known = targets()
    if to not in known:
        raise ConfigError(f"--to {to!r}: give one of {', '.join(known)}{near(to, known)}")
    target, written, refused = known[to], [], []
    for option in given:
        if option not in target.options:
            users = ", ".join(name for name, one in known.items() if option in one.options)
            raise ConfigError(f"--{option} means nothing to --to {to}; it is for {users}")
    for one in asked:
        if one.table not in TABLES:
            raise ConfigError(
                f"--table {one.table!r}: give one of {', '.join(TABLES)}{near(one.table, TABLES)}"
            )
        try:
            text = target.write(one)
        except ExportError as error:
            refused.append(ExportError(f"rule {one.rule.name}: {to} cannot say it: {error}"))
            continue
        begin, end = target.comment
        mark = f"{begin} {MARK}"
        path = out / target.file_name(one)
        written.append(_put(path, mark, f"{mark} --to {to}{end}\n{text}"))
    return written, refused


def _put(path: Path, mark: str, text: str) -> Path:
    """Write *text*, whole or not at all; replace only a file that begins with *mark*, too."""
    draft = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.read_bytes().startswith(mark.encode()):
            raise OutputError(f"{path} is no export of ours; move it, or give another --out")
        draft.write_text(f"{text.rstrip()}\n", encoding="utf-8", newline="\n")
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    return path
