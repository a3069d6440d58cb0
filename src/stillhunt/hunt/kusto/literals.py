"""Values, durations, moments and names as the Kusto Query Language writes them.

Source: Kusto documentation, scalar data types; string literals take C#'s escapes.
"""

import datetime
import unicodedata
from typing import Literal

from stillhunt.model.errors import ExportError

__all__ = ["Kind", "duration", "moment", "null", "pascal", "quoted", "visible"]

Kind = Literal["text", "long", "real", "time", "bool"]

_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNITS = (
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("microsecond", 1),
)
_NULLS: dict[Kind, str] = {
    "text": '""', "long": "long(null)", "real": "real(null)", "time": "datetime(null)",
    "bool": "bool(null)",
}  # fmt: skip
_WHOLE = {
    "ts_us": "TimeGenerated",
    "bin_us": "BinStart",
    "source_ip": "SourceIP",
    "path": "Endpoint",
}
_WORDS = {"asn": "ASN", "ja4": "JA4"}
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories of what a reader of a query cannot see, or sees in another place."""


def quoted(text: str) -> str:
    """Return *text* as a string literal; whatever a reader could not see is escaped.

    Raises:
        ExportError: It holds half a surrogate pair, which no encoding has.
    """
    return '"' + "".join(_character(one) for one in text) + '"'


def _character(one: str) -> str:
    if one in _SHORT:
        return _SHORT[one]
    if unicodedata.category(one) not in _UNSEEN:
        return one
    if "\ud800" <= one <= "\udfff":
        raise ExportError(f"a value holds {one!a}, which is no character")
    units = one.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def visible(text: str) -> str:
    """Return *text* for a comment: one line, and nothing in it that cannot be seen."""
    shown = "".join(c if unicodedata.category(c) not in _UNSEEN else " " for c in text)
    return " ".join(shown.split())


def duration(length_us: int) -> str:
    """Return a timespan literal, such as ``1d`` or ``90s``, in its largest whole unit."""
    for unit, size in _UNITS:
        if length_us % size == 0:
            return f"{length_us // size}{unit}"
    raise ValueError(f"{length_us} is no whole number of microseconds")


def moment(time_us: int) -> str:
    """Return a datetime literal [us since epoch]."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    at = epoch + datetime.timedelta(microseconds=time_us)
    return f"datetime({at.strftime('%Y-%m-%dT%H:%M:%S')}.{at.microsecond:06d}Z)"


def null(kind: Kind) -> str:
    """Return the unknown of a kind; text knows none but the empty one."""
    return _NULLS[kind]


def pascal(name: str) -> str:
    """Return a canonical column or a figure in the spelling of Azure's tables.

    ``ts_us`` is ``TimeGenerated``, ``source_ip`` is ``SourceIP``, ``total_requests`` is
    ``TotalRequests``, and a time loses its unit: ``created_at_us`` is ``CreatedAt``.
    """
    if name.startswith("previous_"):
        return "Previous" + pascal(name.removeprefix("previous_"))
    if name in _WHOLE:
        return _WHOLE[name]
    words = name.removesuffix("_us").split("_")
    return "".join(_WORDS.get(word, word[:1].upper() + word[1:]) for word in words)
