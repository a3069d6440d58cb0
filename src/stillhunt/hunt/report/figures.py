"""Write numbers, times and money the way that people read them.

Everything is UTC, decimal and in English; a number that is not finite is a dash.
"""

import math
from datetime import UTC, datetime, timedelta

__all__ = [
    "DASH",
    "TIMES",
    "clock",
    "compact",
    "count",
    "day",
    "money",
    "plain",
    "plural",
    "rfc3339",
    "share",
    "span",
    "times",
    "us",
]

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US = 1_000_000
_SIGNIFICANT = 100  # from here on decimals say nothing
_THOUSAND, _EXACT = 1_000, 10_000


def rfc3339(moment_us: int | None) -> str | None:
    """Return *moment_us* [us since epoch] as RFC 3339 with ``Z``; None stays None."""
    if moment_us is None:
        return None
    return (_EPOCH + timedelta(microseconds=int(moment_us))).isoformat().replace("+00:00", "Z")


def us(text: str) -> int:
    """Return the moment that *text*, RFC 3339, names [us since epoch]."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def clock(moment_us: int | None, *, seconds: bool = False) -> str:
    """Return *moment_us* [us since epoch] as "2026-03-04 01:20", or a dash."""
    if moment_us is None:
        return DASH
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return (_EPOCH + timedelta(microseconds=int(moment_us))).strftime(form)


def day(moment_us: int) -> str:
    """Return *moment_us* [us since epoch] as "4 Mar 2026"."""
    moment = _EPOCH + timedelta(microseconds=int(moment_us))
    return f"{moment.day} {moment:%b %Y}"


def count(number: float | None) -> str:
    """Return a whole number with thousands separators, or a dash."""
    if number is None or not math.isfinite(number):
        return DASH
    return f"{round(number):,}"


def compact(number: float | None) -> str:
    """Return a number in at most six characters: 999, 12.3k, 4.56M, 7.8G."""
    if number is None or not math.isfinite(number):
        return DASH
    if abs(number) < _EXACT:
        return f"{number:,.0f}" if number == int(number) else f"{number:.3g}"
    scaled = float(number)
    for suffix in ("", "k", "M", "G"):
        if abs(scaled) < 999.5:  # noqa: PLR2004 - rounds to four digits otherwise
            return f"{scaled:.3g}{suffix}"
        scaled /= _THOUSAND
    return f"{scaled:,.3g}T"


def plain(value: object) -> str:
    """Return a figure of evidence: integers in full, others to four significant digits."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: DASH}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if not math.isfinite(value):
            return DASH
        if value == int(value) and abs(value) < 1e15:  # noqa: PLR2004 - exact in a double
            return f"{int(value):,}"
        return f"{value:,.2f}" if abs(value) >= _SIGNIFICANT else f"{value:.4g}"
    return str(value)


def money(amount: float | None, currency: str) -> str:
    """Return *amount* with its *currency*, to the cent below a thousand."""
    if amount is None or not math.isfinite(amount):
        return DASH
    if 0 < amount < 0.01:  # noqa: PLR2004 - a cent
        return f"less than {currency} 0.01"
    return f"{currency} {amount:,.0f}" if amount >= _THOUSAND else f"{currency} {amount:,.2f}"


def share(part: float | None, whole: float | None) -> str:
    """Return *part* of *whole* in percent, or a dash where that means nothing."""
    if part is None or not whole:
        return DASH
    percent = 100.0 * part / whole
    if 0 < percent < 0.1:  # noqa: PLR2004 - one decimal shows no less
        return "< 0.1 %"
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"  # noqa: PLR2004


def span(length_us: int) -> str:
    """Return a length of time [us] in its two largest units: "3 d 4 h", "12 min"."""
    left = max(0, int(length_us)) // _SECOND_US
    words: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if left >= size and len(words) < 2:  # noqa: PLR2004
            words.append(f"{left // size} {unit}")
            left %= size
    return " ".join(words) or "under 1 s"


def times(figure: float | None) -> str:
    """Return how many times its bound a rule's figure is: "2.4x" with a multiplication sign."""
    if figure is None or not math.isfinite(figure):
        return DASH
    return f"{figure:,.0f}{TIMES}" if figure >= _SIGNIFICANT else f"{figure:.3g}{TIMES}"


def plural(number: int, one: str, many: str = "") -> str:
    """Return "1 request", "2 requests", "1,200 requests"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
