"""The answer of ``rules baseline`` as text: where each bound stands in one's own traffic."""

from collections.abc import Iterable, Mapping
from typing import Any

from stillhunt.hunt.report.figures import plain, plural
from stillhunt.hunt.report.visible import visible

__all__ = ["baseline_text"]


def baseline_text(answer: Mapping[str, Any]) -> str:
    """Return ``stillhunt.baseline/1`` as lines of at most 100 columns, a paragraph a bound."""
    lines = [f"Log time {visible(answer['period'])}", ""]
    for row in answer["rules"]:
        lines += [*_bound(row), ""]
    lines.append("Each line: the figure below which that share of subjects stays, what a bound")
    lines.append("there would find, and the option that sets it.")
    return "\n".join(lines)


def _bound(row: Mapping[str, Any]) -> Iterable[str]:
    if row["answered"] == "no":
        missing = ", ".join(visible(name, 40) for name in row.get("missing", ()))
        why = f"needs {missing}" if missing else "nothing to measure"
        yield f"{row['rule']}: no answer, {why}"
        return
    found = plural(row["findings"], "finding")
    subjects = f"{row['figures']:,} subjects, at most {_short(row['max'])}"
    yield f"{row['rule']}: {row['figure']} of {subjects}"
    yield f"  {'now':6} {_short(row['bound']):>14}  {found:>18}  {row['parameter']}"
    for name, one in row["quantiles"].items():
        found = plural(one["findings"], "finding")
        yield f"  {name:6} {_short(one['value']):>14}  {found:>18}  {visible(one['set'], 60)}"


def _short(value: object) -> str:
    return visible(plain(value), 14)
