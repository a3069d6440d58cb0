"""Everything there is to say about each rule and detector, for ``rules list`` and the docs."""

import inspect
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stillhunt import registry
from stillhunt.hunt import atlas
from stillhunt.hunt.claims import detector_sql
from stillhunt.hunt.parameters import Parameter, fields_of, resolve
from stillhunt.hunt.rule import Rule, load_rules
from stillhunt.hunt.rule_sql import shown_sql
from stillhunt.model.errors import ConfigError
from stillhunt.model.exchange import COLUMNS
from stillhunt.settings import near

__all__ = ["DETECTORS", "Hunt", "answer", "described", "hunts", "listing", "page", "show"]

DETECTORS = "stillhunt.hunt.detectors"
FROM_PROMPT = {c.name for c in COLUMNS if c.part == "sketch"} - {
    "system_template", "template_public",
}  # fmt: skip
"""Columns that ingest computes where there is a prompt."""
NOT_MEASURED = "not measured yet"
"""Of every rule: no command measures one, and what a person writes into its file is no measure."""


@dataclass(frozen=True, kw_only=True)
class Hunt:
    """One rule or detector, as a person reads about it."""

    name: str
    kind: Literal["rule", "detector"]
    family: str
    title: str
    text: str
    """What it measures, its statistic, look-alikes, cost to evade, source; Markdown."""
    needs: tuple[str, ...]
    either: tuple[str, ...]
    """Columns of which one is enough."""
    uses: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    """Columns of the account directory without which there is no answer."""
    version: int | None = None
    """Of a rule; detectors change with Stillhunt itself."""
    uid: str | None = None
    atlas: tuple[str, ...] = ()
    owasp: tuple[str, ...] = ()
    measured: str | None = None
    """Of a rule: how precise it is and how much it finds, in words."""
    parameters: tuple[Parameter, ...]
    sql: str
    """The query with its defaults; a rule's leaves the ends of the period open."""


def hunts(rules: Sequence[Rule] | None = None) -> tuple[Hunt, ...]:
    """Return every rule (the shipped ones by default), then every detector."""
    told = [_of_rule(rule) for rule in (load_rules() if rules is None else rules)]
    found = registry.parts(DETECTORS)
    return (*told, *(_of_detector(name, part) for name, part in found.items()))


def _of_rule(rule: Rule) -> Hunt:
    values = resolve(rule.known_parameters, {}, {})[rule.name]
    sections = (
        ("", rule.description),
        ("Statistic", rule.statistic),
        ("Honest look-alikes", rule.look_alikes),
        ("Cost to evade", rule.cost_to_evade),
        ("Source", rule.source),
        ("Listed as", _listed_as(rule)),
        ("Measured", NOT_MEASURED),
    )
    return Hunt(
        name=rule.name,
        kind="rule",
        family=rule.family,
        title=rule.title,
        text="\n\n".join(
            f"**{head}.** {text.strip()}" if head else text.strip()
            for head, text in sections
            if text
        ),
        needs=rule.needs,
        either=rule.either,
        uses=rule.uses,
        accounts=rule.of_accounts,
        version=rule.version,
        uid=str(rule.uid),
        atlas=rule.atlas,
        owasp=rule.owasp,
        measured=NOT_MEASURED,
        parameters=rule.known_parameters,
        sql=shown_sql(rule, values),
    )


def _listed_as(rule: Rule) -> str:
    """Return the rule's ATLAS and OWASP ids with their names."""
    named = {**atlas.techniques(), **atlas.risks()}
    return "; ".join(f"{one} ({named[one]})" for one in (*rule.atlas, *rule.owasp))


def _of_detector(name: str, part: type[Any]) -> Hunt:
    title, _, text = (inspect.getdoc(sys.modules[part.__module__]) or "").partition("\n")
    return Hunt(
        name=name,
        kind="detector",
        family=part.family,
        title=title.rstrip("."),
        text=text.strip(),
        needs=tuple(part.needs),
        either=(),
        uses=tuple(getattr(part, "uses", ())),
        parameters=fields_of(name, part),
        sql=detector_sql(part()),
    )


def _named(name: str, rules: Sequence[Rule] | None = None) -> Hunt:
    known = {hunt.name: hunt for hunt in hunts(rules)}
    if name not in known:
        close = near(name, known) or "; `stillhunt rules list` names them all"
        raise ConfigError(f"no rule or detector is called {name!r}{close}")
    return known[name]


def answer(name: str, columns: Collection[str]) -> str:
    """Return whether a log that fills *columns* can answer *name*: yes, partly, no.

    The account directory is taken to be there.
    """
    hunt = _named(name)
    has = set(columns)
    if "prompt" in has:
        has |= FROM_PROMPT
    if "system_prompt" in has:
        has.add("system_template")
    if not has.issuperset(hunt.needs) or (hunt.either and has.isdisjoint(hunt.either)):
        return "no"
    return "yes" if has.issuperset((*hunt.either, *hunt.uses)) else "partly"


def listing(rules: Sequence[Rule] | None = None) -> dict[str, Any]:
    """Return every rule and detector with its parameters, as ``rules list --json`` writes it."""
    return {
        "schema": "stillhunt.rules/1",
        "hunts": [_line(hunt) for hunt in hunts(rules)],
    }


def _line(hunt: Hunt) -> dict[str, Any]:
    return {
        "name": hunt.name,
        "kind": hunt.kind,
        "family": hunt.family,
        "title": hunt.title,
        "needs": list(hunt.needs),
        "either": list(hunt.either),
        "uses": list(hunt.uses),
        "accounts": list(hunt.accounts),
        "version": hunt.version,
        "id": hunt.uid,
        "atlas": list(hunt.atlas),
        "owasp": list(hunt.owasp),
        "measured": hunt.measured,
        "parameters": [
            {"name": p.full_name, "default": p.default, "unit": p.unit, "note": p.note}
            for p in hunt.parameters
        ],
    }


def described(name: str, rules: Sequence[Rule] | None = None) -> dict[str, Any]:
    """Return everything about *name*, its text and SQL too, as ``rules show --json`` writes it.

    Raises:
        ConfigError: There is no such rule or detector; near names are listed.
    """
    hunt = _named(name, rules)
    return {"schema": "stillhunt.rules/1", **_line(hunt), "text": hunt.text, "sql": hunt.sql}


def show(name: str, rules: Sequence[Rule] | None = None) -> str:
    """Return what *name* measures, its parameters and its SQL, for a terminal.

    Raises:
        ConfigError: There is no such rule or detector; near names are listed.
    """
    hunt = _named(name, rules)
    lines = [f"{hunt.name} ({hunt.kind}, {hunt.family}): {hunt.title}", "", hunt.text, ""]
    lines += [f"needs {_wanted(hunt)}", ""]
    if hunt.version is not None:
        lines += [f"version {hunt.version}, id {hunt.uid}", ""]
    lines += [f"{p.full_name} = {p.default!r} [{p.unit or p.kind}]" for p in hunt.parameters]
    return "\n".join([*lines, "", hunt.sql])


def page(name: str) -> str:
    """Return the chapter of *name* in the documentation, Markdown."""
    hunt = _named(name)
    rows = [
        f"| `{p.full_name}` | `{p.default}` | {p.unit or p.kind} | {' '.join(p.note.split())} |"
        for p in hunt.parameters
    ]
    uses = f" Better with: {_listed(hunt.uses)}." if hunt.uses else ""
    return "\n".join(
        [
            f"## `{hunt.name}`\n",
            f"*{hunt.title}.* Family: {hunt.family}.\n",
            hunt.text,
            f"\nNeeds: {_wanted(hunt)}.{uses}\n",
            "| parameter | default | unit | why |",
            "| --- | --- | --- | --- |",
            *rows,
            '\n??? note "SQL"\n\n    ```sql',
            *(f"    {line}" for line in hunt.sql.splitlines()),
            "    ```\n",
        ]
    )


def _wanted(hunt: Hunt) -> str:
    """Return everything that *hunt* needs, of the log and of the account directory."""
    log = _listed(hunt.needs, hunt.either)
    if not hunt.accounts:
        return log
    accounts = f"{_listed(hunt.accounts)} of the account directory"
    return accounts if log == "nothing" else f"{log}, {accounts}"


def _listed(names: Collection[str], either: Collection[str] = ()) -> str:
    parts = [f"`{name}`" for name in names]
    if either:
        parts.append(" or ".join(f"`{name}`" for name in either))
    return ", ".join(parts) or "nothing"
