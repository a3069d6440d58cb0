"""A finding in the words that leave the house: one line for people, one JSON text for machines.

Clients choose account names, paths and user agents, so both are plain ASCII on one line: no
newline that begins a second record, no escape that a terminal obeys, and in JSON no angle
bracket or ampersand that a page takes for HTML. A long text keeps its two ends.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stillhunt.hunt.report.document import finding_line
from stillhunt.hunt.report.figures import DASH, plain, rfc3339
from stillhunt.hunt.report.visible import shorten, visible
from stillhunt.model.finding import Finding, Value

__all__ = ["LONGEST", "as_line", "ascii_json", "one_line", "plain_ascii", "shortened", "shorter"]

LONGEST = 1_024
"""Characters of one text in what is sent; a client may well be called by a megabyte."""
NAME = 120  # characters of a name in the one-line summary
NAMED = 64  # bytes of a figure's own name: rules choose it, and it says which figure it is
_EXACT = re.compile(r"[0-9A-Fa-f.:/]{0,64}")
"""An address, a prefix or a fingerprint: cut, it is worth nothing."""
_HTML = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def as_line(finding: Finding) -> dict[str, Any]:
    """Return *finding* as ``stillhunt schema finding``, its texts at most ``LONGEST`` long."""
    line: dict[str, Any] = shortened(finding_line(finding).model_dump(mode="json"))
    return line


def ascii_json(document: Mapping[str, Any]) -> str:
    """Return *document* as JSON in ASCII, on one line, safe to look at and to put on a page."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate(_HTML).replace("\x7f", "\\u007f")


def shorter(finding: Finding, limit: int) -> Finding:
    """Return *finding* with the texts that clients choose at most *limit* long once escaped.

    Args:
        finding: The finding.
        limit: Longest text in ``ascii_json`` [bytes]; a letter may take twelve of them. An
            address, a prefix and a fingerprint stay whole.
    """
    return replace(
        finding,
        subject=_fitting(finding.subject, limit),
        peer=None if finding.peer is None else _fitting(finding.peer, limit),
        evidence=_fitting(finding.evidence, limit),
        allowed=None if finding.allowed is None else _fits(finding.allowed, limit),
    )


def _fitting(told: Mapping[str, Value], limit: int) -> dict[str, Value]:
    return {
        _fits(name, max(limit, NAMED)): _fits(value, limit) if isinstance(value, str) else value
        for name, value in told.items()
    }


def _fits(text: str, limit: int) -> str:
    """Return as much of the two ends of *text* as takes *limit* bytes."""
    if _EXACT.fullmatch(text):
        return text
    short = shorten(text, limit)
    while len(short) > 1 and (takes := _takes(short)) > limit:
        short = shorten(text, max(1, min(len(short) - 1, len(short) * limit // takes)))
    return short


def _takes(text: str) -> int:
    return len(ascii_json({"": text})) - len(ascii_json({"": ""}))


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
