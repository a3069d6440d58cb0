"""A rule's own tests: rows in, findings out, through the very sweep that hunts a lake."""

import datetime
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from stillhunt.hunt.directory import COLUMNS as DIRECTORY
from stillhunt.hunt.directory import Directory
from stillhunt.hunt.parameters import duration_us
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.rule_shape import Claim, Rows, RuleTest
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.sweep import sweep
from stillhunt.model.errors import ConfigError, RuleError
from stillhunt.model.exchange import HOT, column
from stillhunt.model.finding import Finding, Value
from stillhunt.settings import near

__all__ = ["MIDNIGHT_US", "Outcome", "exchanges_of", "told", "try_rule", "try_rules"]

MIDNIGHT_US = 1_772_409_600_000_000
"""Where the clock of every test begins: 2026-03-02T00:00:00Z [us since epoch]."""
MOST_ROWS = 1_000_000
"""Rows of one test; about 300 MB."""
USUAL: Mapping[str, Any] = {
    "source": "native",
    "method": "POST",
    "path": "/v1/messages",
}
"""What a row has unless it says otherwise; an empty text is unknown."""
TYPES = {
    "int64": pa.int64(),
    "int32": pa.int32(),
    "int16": pa.int16(),
    "float32": pa.float32(),
    "bool": pa.bool_(),
    "string": pa.string(),
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one test of a rule ended."""

    rule: str
    test: str
    wrong: tuple[str, ...]
    """What was not as expected, in sentences; empty if it passed."""

    @property
    def is_passed(self) -> bool:
        """Return whether everything was as expected."""
        return not self.wrong


def try_rule(rule: Rule) -> Iterator[Outcome]:
    """Run the tests that stand in the file of *rule*, and yield how each ended.

    Raises:
        RuleError: A test that cannot be run.
    """
    for test in rule.tests:
        try:
            found = _found(rule, test)
        except (ConfigError, pa.ArrowException, ValueError) as error:
            raise RuleError(f"rule {rule.name}, test {test.name!r}: {error}") from error
        yield Outcome(rule=rule.name, test=test.name, wrong=tuple(_compared(test, found)))


def try_rules(rules: Sequence[Rule], names: Collection[str] = ()) -> Iterator[Outcome]:
    """Run the tests of the rules called *names*, or of all; a rule without tests says so.

    Raises:
        ConfigError: No rule has one of *names*.
        RuleError: A test that cannot be run.
    """
    known = [rule.name for rule in rules]
    for name in names:
        if name not in known:
            close = near(name, known) or f"; the rules are {', '.join(known)}"
            raise ConfigError(f"no rule is called {name!r}{close}")
    for rule in rules:
        if names and rule.name not in names:
            continue
        if not rule.tests:
            yield Outcome(rule=rule.name, test="", wrong=())
        yield from try_rule(rule)


def told(outcome: Outcome) -> Iterator[str]:
    """Yield lines about a test that failed, or about a rule without any."""
    if not outcome.test:
        yield f"{outcome.rule}: no tests"
        return
    yield f"{outcome.rule}: {outcome.test}"
    yield from (f"    {line}" for line in outcome.wrong)


def _found(rule: Rule, test: RuleTest) -> list[Finding]:
    result = sweep(
        _Lake(exchanges_of(test)),
        settings=HuntSettings(),
        overrides={f"{rule.name}.{name}": str(value) for name, value in test.set.items()},
        accounts=_directory(test),
        rules=(rule,),
        detectors=False,
    )
    return list(result.findings)


def exchanges_of(test: RuleTest) -> pa.Table:
    """Return the rows of *test* as exchanges, by time."""
    if sum(rows.repeat for rows in test.rows) > MOST_ROWS:
        raise ConfigError(f"more than {MOST_ROWS:,} rows")
    made = [one for k, rows in enumerate(test.rows) for one in _repeated(k, rows)]
    made.sort(key=lambda row: (row["ts_us"], row["exchange_id"]))
    return pa.table(
        {name: pa.array([row.get(name) for row in made], TYPES[column(name).kind]) for name in HOT}
    )


def _repeated(place: int, rows: Rows) -> Iterator[dict[str, Any]]:
    start = MIDNIGHT_US + (_us(rows.at) if rows.at else 0)
    every = _us(rows.every)
    told = {**USUAL} | {"exchange_id": f"{place:03}-{{n}}"} | (rows.model_extra or {})
    for n in range(rows.repeat):
        row = {name: _filled(value, n) for name, value in told.items()}
        yield {"ts_us": start + n * every} | row


def _filled(value: Any, n: int) -> Any:  # noqa: ANN401 - whatever stands in a rule's file
    if not isinstance(value, str):
        return value
    return value.replace("{n}", str(n)) or None


def _us(text: str) -> int:
    """Return a duration; milliseconds are understood, too [us]."""
    match = re.fullmatch(r"\s*([0-9]{1,9})ms\s*", text)
    return int(match[1]) * 1_000 if match else duration_us(text)


def _directory(test: RuleTest) -> Directory | None:
    """Return the test's accounts; ``created_at`` may be a duration after its midnight."""
    if not test.accounts:
        return None
    records = []
    for told in test.accounts:
        for n in range(min(int(told.get("repeat", 1)), MOST_ROWS)):
            record = {k: str(_filled(str(v), n)) for k, v in told.items() if k != "repeat"}
            if re.fullmatch(r"[0-9]+[smhd]", record.get("created_at", "")):
                record["created_at"] = _moment(duration_us(record["created_at"]))
            records.append(record)
    columns = dict.fromkeys([*DIRECTORY, *(name for record in records for name in record)])
    table = pa.table(
        {name: pa.array([record.get(name) for record in records], pa.string()) for name in columns}
    )
    return Directory(table=table, duplicates=0)


def _moment(after_us: int) -> str:
    seconds = (MIDNIGHT_US + after_us) // 1_000_000
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def _compared(test: RuleTest, found: list[Finding]) -> Iterator[str]:
    """Yield what is missing, what is too much, and what is not as expected."""
    left = list(found)
    for claim in test.findings:
        same = [one for one in left if dict(one.subject) == dict(claim.subject)]
        if not same:
            yield f"no finding about {dict(claim.subject)}"
            continue
        left.remove(same[0])
        yield from _differences(claim, same[0])
    for one in left:
        yield f"an unexpected finding about {dict(one.subject)}: {dict(one.evidence)}"


def _differences(claim: Claim, one: Finding) -> Iterator[str]:
    told: dict[str, Any] = dict(claim.model_extra or {})
    if claim.severity is not None:
        told["severity"] = claim.severity
    has: dict[str, Value] = {
        **one.evidence,
        "severity": int(one.severity),
        "statistic": one.statistic,
        "n": one.n,
    }
    for name, wanted in told.items():
        value = has.get(name)
        is_close = (
            isinstance(value, float | int)
            and isinstance(wanted, float)
            and abs(value - wanted) <= 1e-9 * max(1.0, abs(wanted))
        )
        if value != wanted and not is_close:
            yield f"{name} of {dict(one.subject)} is {value!r}, expected {wanted!r}"


class _Lake:
    """Exchanges in memory, as a sweep asks a lake for them."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def connect(
        self, since_us: int | None = None, until_us: int | None = None, *, memory_mb: int = 1_500
    ) -> duckdb.DuckDBPyConnection:
        """Return a connection with the view ``exchanges``, both ends inclusive."""
        con = duckdb.connect()
        con.execute(f"SET threads = 1; SET memory_limit = '{memory_mb}MB'")
        con.register("everything", self.table)
        low = -(2**62) if since_us is None else since_us
        high = 2**62 if until_us is None else until_us
        con.execute(
            "CREATE VIEW exchanges AS SELECT * FROM everything"
            f" WHERE ts_us >= {low} AND ts_us <= {high}"
        )
        return con
