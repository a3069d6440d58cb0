"""The sweep: ask a lake every rule and every detector, again from the beginning each time.

There is no state: the same lake and the same moment give the same findings with the same ids.
"""

import dataclasses
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.allow import apply_allow, check_allow
from stillhunt.hunt.campaigns.describe import accounts_of, campaigns_of
from stillhunt.hunt.campaigns.find import find_campaigns
from stillhunt.hunt.claims import Moment, Question, ask_detector, ask_rule
from stillhunt.hunt.coverage import Answered, Filled, answered, fill, lacking
from stillhunt.hunt.directory import (
    Directory,
    load_directory,
    load_events,
    mark_disposable,
    with_times,
)
from stillhunt.hunt.enrich import mail_domains
from stillhunt.hunt.parameters import ALL_US, Parameter, fields_of, resolve
from stillhunt.hunt.ranking import rank_accounts
from stillhunt.hunt.report.figures import rfc3339
from stillhunt.hunt.rule import Rule, load_rules
from stillhunt.hunt.rule_files import all_rules
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.slices import slices
from stillhunt.hunt.sweep_notes import far_ahead, few_on_paths
from stillhunt.hunt.versions import keep_newest
from stillhunt.model.errors import ConfigError
from stillhunt.model.finding import Finding
from stillhunt.registry import parts

__all__ = ["Coverage", "Exchanges", "Progress", "SweepResult", "known_parameters", "sweep"]

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
MOST_STEPS = 10_000
"""Of a replay: a year by the hour. Each step sweeps anew."""
Progress = Callable[[str, int, int], None]
"""Called as (what is being done, steps done, steps in all)."""


class Exchanges(Protocol):
    """What a sweep asks of a lake."""

    def connect(
        self, since_us: int | None = None, until_us: int | None = None, *, memory_mb: int = 1_500
    ) -> duckdb.DuckDBPyConnection:
        """Return a connection with the view ``exchanges``, both ends inclusive."""
        ...


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What one rule or detector could answer, and how much it found."""

    name: str
    kind: Literal["rule", "detector"]
    family: str
    answered: Answered
    needs: tuple[str, ...]
    """Columns that the answer rests on."""
    uses: tuple[str, ...]
    """Columns that make it whole."""
    missing: tuple[str, ...]
    """Columns that no source, or not every source, fills."""
    findings: int
    allowed: int
    seconds: float
    sql: str
    """The query that ran, to check a finding by hand."""


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """Everything that a sweep found."""

    findings: tuple[Finding, ...]
    detectors: tuple[Coverage, ...]
    accounts: tuple[dict[str, Any], ...]
    """Every account of severity 2 or more; see ``ranking``."""
    period: tuple[int, int] | None
    """First and last exchange swept [us since epoch]; None in an empty lake."""
    totals: dict[str, int | None]
    campaigns: tuple[dict[str, Any], ...] = ()
    """Accounts that act as one, as the report tells them."""
    named: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    """What the campaigns say of each account that they name."""
    notes: tuple[str, ...] = ()
    """What somebody who reads the findings has to know, in sentences."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What is asked, whatever the moment."""

    lake: Exchanges
    settings: HuntSettings
    questions: Sequence[Question]
    hunts_campaigns: bool
    lookback_us: int
    paths: str
    """What ``volume.paths`` says."""
    since_us: int | None
    directory: Directory | None
    accounts: pa.Table | None
    """The directory as queries see it."""
    events: pa.Table | None


def known_parameters(rules: Sequence[Rule] | None = None) -> tuple[Parameter, ...]:
    """Return every parameter of every rule (the shipped ones by default) and detector."""
    told = [p for rule in load_rules() if rules is None for p in rule.known_parameters]
    told += [p for rule in rules or () for p in rule.known_parameters]
    detectors = parts("stillhunt.hunt.detectors")
    return (*told, *(p for name, part in detectors.items() for p in fields_of(name, part)))


def sweep(
    lake: Exchanges,
    *,
    settings: HuntSettings,
    overrides: Mapping[str, str] | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    replay_us: int | None = None,
    accounts: Directory | Path | str | None = None,
    events: pa.Table | Path | str | None = None,
    rules: Sequence[Rule] | None = None,
    detectors: bool = True,
    progress: Progress | None = None,
) -> SweepResult:
    """Ask *lake* everything, as of *until_us*.

    Args:
        lake: Anything that connects to the view ``exchanges``.
        settings: Memory, allowed subjects, parameters.
        overrides: Parameters by full name, such as ``volume.tokens_per_day``; they win.
        since_us: First moment swept [us since epoch]; None is the beginning. Episodes of
            look-back rules may have begun before it.
        until_us: The moment of the sweep; None is the newest exchange. Never the wall clock.
        replay_us: Also sweep at every multiple of this in log time, seeing only what was there
            then, and say at which step each finding was first made [us].
        accounts: Account directory, or the file of one.
        events: Event list, or the file of one.
        rules: The rules to ask; None are all that are shipped or that *settings* name.
        detectors: Whether the detectors are asked and campaigns looked for, too.
        progress: Hears of each step.

    Raises:
        ConfigError: A parameter or an allowed detector that is not there.
        InputError: The accounts or events cannot be read.
    """
    classes = parts("stillhunt.hunt.detectors")
    asked = all_rules(settings) if rules is None else rules
    values = resolve(known_parameters(asked), settings.detectors, overrides or {})
    check_allow(settings.allow, {*(rule.name for rule in asked), *classes})
    if replay_us is not None and replay_us <= 0:
        raise ConfigError(f"the step of a replay is {replay_us} us; give one such as 1h")
    known = _directory(accounts, settings)
    plan = _Plan(
        lake=lake,
        settings=settings,
        questions=(
            *(ask_rule(rule, values.get(rule.name, {})) for rule in asked),
            *(
                ask_detector(name, part(**values.get(name, {})))
                for name, part in classes.items()
                if detectors
            ),
        ),
        hunts_campaigns=detectors,
        lookback_us=int(values["volume"]["lookback"]) if "volume" in values else ALL_US,
        paths=str(values.get("volume", {}).get("paths", "")),
        since_us=since_us,
        directory=known,
        accounts=None if known is None else with_times(known),
        events=load_events(events) if isinstance(events, str | Path) else events,
    )
    until = _newest(plan) if until_us is None else until_us
    result = _once(plan, until, progress)
    notes = (*result.notes, *_about_logs(plan, until, is_newest=until_us is None))
    result = dataclasses.replace(result, notes=notes)
    if replay_us is not None:
        result = _replayed(plan, result, until, replay_us, progress)
    return dataclasses.replace(result, accounts=_described(result.accounts, plan.directory))


def _described(
    accounts: Sequence[dict[str, Any]], directory: Directory | None
) -> tuple[dict[str, Any], ...]:
    """Add what the directory says of each account that stands out."""
    wanted = {one["account_id"] for one in accounts}
    known: dict[str, dict[str, str]] = {}
    if directory is not None and wanted:
        mask = pc.is_in(directory.table["account_id"], value_set=pa.array(sorted(wanted)))
        for row in directory.table.filter(mask).to_pylist():
            account = row.pop("account_id")
            known[account] = {name: value for name, value in row.items() if value is not None}
    return tuple({**one, "directory": known.get(one["account_id"], {})} for one in accounts)


def _directory(
    accounts: Directory | Path | str | None, settings: HuntSettings
) -> Directory | None:
    """Return the accounts, with disposable mail domains marked where the settings list them."""
    known = load_directory(accounts) if isinstance(accounts, str | Path) else accounts
    domains = mail_domains(settings)
    return mark_disposable(known, domains) if known is not None and domains else known


def _connect(plan: _Plan, since_us: int | None, until_us: int | None) -> duckdb.DuckDBPyConnection:
    return plan.lake.connect(since_us, until_us, memory_mb=plan.settings.lake.memory_mb)


def _newest(plan: _Plan) -> int | None:
    """Return the newest moment of the lake, before anything is filtered out."""
    with _connect(plan, None, None) as con:
        newest: int | None = con.execute("SELECT MAX(ts_us) FROM exchanges").fetchall()[0][0]
        return newest


def _once(plan: _Plan, until_us: int | None, progress: Progress | None) -> SweepResult:
    """Sweep at one moment."""
    with _connect(plan, plan.since_us, until_us) as con:
        if plan.since_us is None:
            return _asked(plan, con, con, until_us, progress)
        with _connect(plan, None, until_us) as history:
            return _asked(plan, con, history, until_us, progress)


def _asked(
    plan: _Plan,
    con: duckdb.DuckDBPyConnection,
    history: duckdb.DuckDBPyConnection,
    until_us: int | None,
    progress: Progress | None,
) -> SweepResult:
    notes = [keep_newest(con)]
    _register(plan, con)
    if history is not con:
        keep_newest(history)
        _register(plan, history)
    columns = [name for q in plan.questions for name in (*q.needs, *q.either, *q.uses)]
    filled = fill(con, columns)
    swept = slices(con)
    moment = Moment(
        con=con,
        history=history,
        slices=swept,
        past=() if history is con else slices(history),
        since_us=plan.since_us,
        until_us=until_us or 0,
    )
    found: list[Finding] = []
    covered: list[Coverage] = []
    for step, question in enumerate(plan.questions):
        if progress:
            progress(f"hunting: {question.name}", step, len(plan.questions))
        theirs, coverage = _ask(plan, question, moment, filled)
        found += theirs
        covered.append(coverage)
    if progress:
        progress("hunting", len(plan.questions), len(plan.questions))
    findings = apply_allow(found, plan.settings.allow, _orgs(plan, con, found))
    hunted = find_campaigns(con, plan.accounts) if plan.hunts_campaigns else None
    named = {} if hunted is None else accounts_of(hunted)
    return SweepResult(
        findings=findings,
        detectors=tuple(_counted(coverage, findings) for coverage in covered),
        accounts=rank_accounts(findings, named),
        named=named,
        campaigns=() if hunted is None else tuple(campaigns_of(hunted, con)),
        period=None if filled.first_us is None else (filled.first_us, filled.last_us or 0),
        totals=_totals(con, filled),
        notes=tuple(note for note in (*notes, _blind_days(plan, filled, until_us)) if note),
    )


def _blind_days(plan: _Plan, filled: Filled, until_us: int | None) -> str | None:
    """Say that look-back rules see the end of a long log only."""
    if filled.first_us is None or until_us is None:
        return None
    whole, seen = until_us - filled.first_us, plan.lookback_us
    if whole <= 2 * seen:
        return None
    return (
        f"volume rules look at the last {seen / DAY_US:.3g} days of {whole / DAY_US:.3g};"
        " --replay 1h asks at every hour"
    )


def _about_logs(plan: _Plan, until_us: int | None, *, is_newest: bool) -> list[str]:
    """Say what is odd about the logs themselves; once, however many steps a replay has."""
    with _connect(plan, plan.since_us, until_us) as con:
        told = (
            far_ahead(con, plan.lookback_us) if is_newest else None,
            few_on_paths(con, plan.paths),
        )
        return [note for note in told if note]


def _register(plan: _Plan, con: duckdb.DuckDBPyConnection) -> None:
    """Make the accounts and the events views that a detector can join."""
    if plan.directory is not None:
        con.register("directory", plan.accounts)
    if plan.events is not None:
        con.register("events", plan.events)


def _ask(
    plan: _Plan, question: Question, moment: Moment, filled: Filled
) -> tuple[list[Finding], Coverage]:
    """Ask one question, unless its columns are not there."""
    how, missing = answered(filled, question.needs, question.either, question.uses)
    if absent := lacking(plan.accounts, question.accounts):
        how, missing = "no", (*(missing if how == "no" else ()), *absent)
    began = time.perf_counter()
    findings = question.find(moment) if how != "no" else []
    return findings, Coverage(
        name=question.name,
        kind=question.kind,
        family=question.family,
        answered=how,
        needs=(*question.needs, *question.either),
        uses=question.uses,
        missing=missing,
        findings=len(findings),
        allowed=0,
        seconds=time.perf_counter() - began,
        sql=question.sql(moment),
    )


def _counted(coverage: Coverage, findings: Sequence[Finding]) -> Coverage:
    theirs = [finding for finding in findings if finding.detector == coverage.name]
    allowed = sum(finding.allowed is not None for finding in theirs)
    return dataclasses.replace(coverage, findings=len(theirs), allowed=allowed)


def _totals(con: duckdb.DuckDBPyConnection, filled: Filled) -> dict[str, int | None]:
    accounts = con.execute("SELECT COUNT(DISTINCT account_id) FROM exchanges").fetchall()[0][0]
    return {
        "exchanges": filled.exchanges,
        "accounts": accounts,
        "output_tokens": filled.output_tokens,
    }


def _orgs(
    plan: _Plan, con: duckdb.DuckDBPyConnection, findings: Sequence[Finding]
) -> dict[str, Collection[str]]:
    """Return the organisations of the accounts found, if an allow entry asks for any.

    The directory's word counts before that of the logs.
    """
    if all(entry.org_id is None for entry in plan.settings.allow):
        return {}
    named = {str(f.subject["account_id"]) for f in findings if f.subject.get("account_id")}
    con.register("named", pa.table({"account_id": pa.array(sorted(named), pa.string())}))
    orgs: dict[str, Collection[str]] = {}
    for account, org in con.execute(
        """SELECT DISTINCT account_id, org_id FROM exchanges
           WHERE org_id IS NOT NULL AND account_id IN (SELECT account_id FROM named)"""
    ).fetchall():
        orgs[account] = {*orgs.get(account, ()), org}
    if plan.directory is not None:
        for row in plan.directory.table.select(["account_id", "org_id"]).to_pylist():
            if row["org_id"] is not None:
                orgs[row["account_id"]] = {row["org_id"]}
    return orgs


def _replayed(
    plan: _Plan, result: SweepResult, until: int | None, step_us: int, progress: Progress | None
) -> SweepResult:
    """Return *result* with what was found at earlier steps, and when each was first found.

    A finding that is no longer alive at the end stays as it was at its last step: whoever
    took everything on the first day of a week is found, too.
    """
    first: dict[str, int] = {}
    seen: dict[str, Finding] = {}
    alerts: list[tuple[int, set[str]]] = []
    steps = _steps(result.period, until, step_us)
    for done, step in enumerate(steps):
        if progress:
            progress("replay", done, len(steps))
        then = _once(plan, step, None)
        alerts += [(step, set(campaign["accounts"])) for campaign in then.campaigns]
        for finding in then.findings:
            first.setdefault(finding.id, step)
            seen[finding.id] = finding
    now = {finding.id: finding for finding in result.findings}
    findings = tuple(
        dataclasses.replace(finding, first_alert_us=first.get(name, until))
        for name, finding in {**now, **{n: f for n, f in seen.items() if n not in now}}.items()
    )
    return dataclasses.replace(
        result,
        notes=tuple(note for note in result.notes if "--replay" not in note),
        findings=findings,
        detectors=tuple(_counted(coverage, findings) for coverage in result.detectors),
        accounts=rank_accounts(findings, result.named),
        campaigns=tuple(_alerted(campaign, alerts, until) for campaign in result.campaigns),
    )


def _alerted(
    campaign: Mapping[str, Any], alerts: Sequence[tuple[int, set[str]]], until: int | None
) -> dict[str, Any]:
    """Say at which step most of a campaign's first members were a campaign."""
    members = set(campaign["accounts"])
    steps = (step for step, then in alerts if 2 * len(then & members) > len(then))
    return {**campaign, "first_alert_at": rfc3339(next(steps, until))}


def _steps(period: tuple[int, int] | None, until: int | None, step_us: int) -> Sequence[int]:
    """Return the multiples of *step_us* from the first exchange on, before *until*."""
    if period is None or until is None:
        return ()
    steps = range(-(-period[0] // step_us) * step_us, until, step_us)
    if len(steps) > MOST_STEPS:
        raise ConfigError(
            f"this replay has {len(steps):,} steps; give a longer one, such as"
            f" {-(-len(steps) * step_us // MOST_STEPS // HOUR_US)}h, or a later --since"
        )
    return steps
