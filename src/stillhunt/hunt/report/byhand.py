"""How to check a finding by hand: SQL that anybody can paste.

The text may hold names that an attacker chose, so characters that cannot be seen are written
as ``CHR(...)``, and a name of 10 kB is named by its beginning and its length.
"""

from collections.abc import Mapping

from stillhunt.hunt.report.conditions import condition, literal
from stillhunt.hunt.report.visible import visible
from stillhunt.model.exchange import HOT
from stillhunt.model.finding import Finding, Value

__all__ = ["VIEW", "check_sql", "shown_condition", "shown_literal"]

VIEW = (
    "CREATE VIEW exchanges AS\n"
    "SELECT * FROM read_parquet('LAKE/hot/**/*.parquet', union_by_name = true);"
)
"""What makes the view ``exchanges`` in a DuckDB shell; LAKE is the folder of the lake."""

LONGEST = 120  # characters of a name that are written out

_TOTALS = """SELECT COUNT(*) AS requests,
       SUM(input_tokens) AS input_tokens, SUM(output_tokens) AS output_tokens,
       COUNT(DISTINCT account_id) AS accounts,
       COUNT(DISTINCT source_ip) AS addresses"""
_MINUTES = "SELECT ts_us - MOD(ts_us, 60000000) AS minute_us, COUNT(*) AS requests"
_TEMPLATES = "SELECT template, COUNT(*) AS requests"
_PACE = "SELECT ts_us, exchange_id, output_tokens, duration_ms"

_KINDS: Mapping[str, tuple[str, str]] = {
    "burst": (_MINUTES, "\nGROUP BY minute_us ORDER BY requests DESC, minute_us LIMIT 10"),
    "repetition": (_TEMPLATES, "\nGROUP BY template ORDER BY requests DESC, template LIMIT 10"),
    "cadence": (_PACE, "\nORDER BY ts_us, exchange_id LIMIT 200"),
}
"""Beginning of a detector's name -> what to look at; anything else is told by its totals."""


_ACCOUNTS = (
    "SELECT account_id, created_at, tier\nFROM read_json_auto('ACCOUNTS.jsonl')  -- the directory"
)


def check_sql(finding: Finding) -> str:
    """Return the query that shows the exchanges behind *finding*, or the accounts."""
    if not any(key in HOT or key == "source_prefix" for key in finding.subject):
        tests = [shown_condition(key, value) for key, value in finding.subject.items()]
        return f"{_ACCOUNTS}\nWHERE " + "\n  AND ".join(tests) + ";"
    chosen = [part for prefix, part in _KINDS.items() if finding.detector.startswith(prefix)]
    select, order = chosen[0] if chosen else (_TOTALS, "")
    return f"{select}\nFROM exchanges\nWHERE {where(finding)}{order};"


def where(finding: Finding) -> str:
    """Return the condition of the exchanges behind *finding*."""
    known = {k: v for k, v in finding.subject.items() if k in HOT or k == "source_prefix"}
    tests = [shown_condition(key, value) for key, value in known.items()]
    tests.append(f"ts_us BETWEEN {finding.first_seen_us} AND {finding.last_seen_us}")
    return "\n  AND ".join(tests)


def shown_condition(column: str, value: Value) -> str:
    """Return the SQL condition that *column* is *value*, safe to show and to paste."""
    if value is None:
        return f"{column} IS NULL"
    if column == "source_prefix":
        return condition(column, str(value))
    if isinstance(value, str) and len(value) > LONGEST:
        begin = shown_literal(value[:LONGEST])
        return f"LEFT({column}, {LONGEST}) = {begin} AND LENGTH({column}) = {len(value)}"
    return f"{column} = {shown_literal(value)}"


def shown_literal(value: Value) -> str:
    """Return *value* as an SQL literal in which every character can be seen."""
    if not isinstance(value, str):
        return literal(value)
    parts: list[str] = []
    run = ""
    for character in value:
        if visible(character) == character:
            run += character
            continue
        parts += [literal(run)] if run else []
        parts.append(f"CHR({ord(character)})")
        run = ""
    parts += [literal(run)] if run or not parts else []
    return " || ".join(parts)
