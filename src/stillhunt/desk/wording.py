"""A finding in the words that leave the house: one line for people, one JSON text for machines.

Clients choose account names, paths and user agents, so both are plain ASCII on one line: no
newline that begins a second record, no escape that a terminal obeys, and in JSON no angle
bracket or ampersand that a page takes for HTML. A long text keeps its two ends.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stillhunt.hunt.report.document import finding_line
from stillhunt.hunt.report.figures import DASH, plain, rfc3339
from stillhunt.hunt.report.visible import shorten, visible
from stillhunt.model.finding import Finding, Value

__all__ = ["LONGEST", "as_line", "ascii_json", "one_line", "plain_ascii", "shortened"]

LONGEST = 1_024
"""Characters of one text in what is sent; a client may well be called by a megabyte."""
NAME = 120  # characters of a name in the one-line summary
_HTML = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def as_line(finding: Finding) -> dict[str, Any]:
    """Return *finding* as ``stillhunt schema finding``, its texts at most ``LONGEST`` long."""
    line: dict[str, Any] = shortened(finding_line(finding).model_dump(mode="json"))
    return line


def ascii_json(document: Mapping[str, Any]) -> str:
    """Return *document* as JSON in ASCII, on one line, safe to look at and to put on a page."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate(_HTML).replace("\x7f", "\\u007f")


def one_line(finding: Finding) -> str:
    """Return *finding* in one line of ASCII, such as for a syslog."""
    who = _named(finding.subject)
    if finding.peer:
        who = f"{who} with {_named(finding.peer)}"
    text = (
        f"{finding.severity.name.lower()} {visible(finding.detector, NAME)}: {who}; "
        f"statistic {plain(finding.statistic)} over {finding.n:,} exchanges, "
        f"{rfc3339(finding.first_seen_us)} to {rfc3339(finding.last_seen_us)}"
    )
    return plain_ascii(text)


def plain_ascii(text: str) -> str:
    """Return *text* with a letter beyond ASCII as its escape; a dash and an ellipsis as ours."""
    plainer = text.replace(DASH, "-").replace("\N{HORIZONTAL ELLIPSIS}", "...")
    return plainer.encode("ascii", "backslashreplace").decode("ascii")


def _named(subject: Mapping[str, Value]) -> str:
    return " ".join(f"{visible(key, NAME)}={visible(one, NAME)}" for key, one in subject.items())


def shortened(value: Any, limit: int = LONGEST) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return *value* with every text in it, keys included, at most *limit* characters long."""
    if isinstance(value, str):
        return shorten(value, limit)
    if isinstance(value, Mapping):
        return {shorten(str(key), limit): shortened(one, limit) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [shortened(one, limit) for one in value]
    return value
