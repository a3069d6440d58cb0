"""The answer of ``rules baseline`` as text: where each bound stands in one's own traffic."""

from collections.abc import Iterable, Mapping
from typing import Any

from stillhunt.hunt.report.figures import plain, plural
from stillhunt.hunt.report.visible import visible

__all__ = ["baseline_text"]


def baseline_text(answer: Mapping[str, Any]) -> str:
    """Return ``stillhunt.baseline/1`` as text, a paragraph a bound.

    Lines have at most 100 columns, but for those with a ``--set`` option, which is never cut.
    """
    lines = [f"Log time {visible(answer['period'])}", ""]
    for row in answer["rules"]:
        lines += [*_bound(row), ""]
    lines.append(
        "Each line: the figure up to which that share stays, what a bound there would find,"
    )
    lines.append(
        'and the option that sets it. "if also": bounds that have to be exceeded, too; they'
    )
    lines.append("stay as they are.")
    return "\n".join(lines)


def _bound(row: Mapping[str, Any]) -> Iterable[str]:
    rule, figure = row["rule"], row.get("figure")
    if row["answered"] == "no":
        missing = ", ".join(visible(name, 40) for name in row.get("missing", ()))
        what = f"{rule}: {figure}" if figure else rule
        yield f"{what}: no answer" + (f", needs {missing}" if missing else "")
        return
    group = "".join(f" with {n} {visible(v, 40)}" for n, v in row.get("where", {}).items())
    most = f", at most {_short(row['max'])}" if row["figures"] else ""
    yield f"{rule}: {figure} of {row['figures']:,} {row.get('per', 'subjects')}{group}{most}"
    if held := row.get("held"):
        yield "  if also " + ", ".join(f"{n} > {_short(v)}" for n, v in held.items())
    found = plural(row["findings"], "finding")
    yield f"  {'now':6} {_short(row['bound']):>14}  {found:>18}  {row['parameter']}"
    for name, one in row["quantiles"].items():
        found = plural(one["findings"], "finding")
        told = visible(one["set"])
        yield f"  {name:6} {_short(one['value']):>14}  {found:>18}  {told}"


def _short(value: object) -> str:
    return visible(plain(value), 14)
