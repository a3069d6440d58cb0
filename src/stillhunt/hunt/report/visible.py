r"""Make names that an attacker chose safe to look at.

User names, user agents and paths reach the report as they were logged. Terminal escapes,
newlines and bidirectional controls would rewrite what a reader sees around them, so every
such character is shown as its escape, ``\x1b`` or ``\u202e``; a long name keeps its two
ends, because that is where names differ.
Source: Unicode Technical Report 36, sections 2.5 and 3.6; "Trojan Source", Boucher and
Anderson (2021).
"""

import unicodedata

__all__ = ["shorten", "visible"]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
_STACK = 2
"""Combining marks on one letter that living scripts need; more of them paint over other lines."""
LIMIT = 4_096
"""Characters of a name that are looked at: a 64 MB name costs no more than this one."""


def visible(value: object, limit: int = LIMIT) -> str:
    """Return *value* as text in which every character can be seen, on one line.

    Args:
        value: Anything; None becomes "-".
        limit: Longest result [characters]; the middle of a longer one is left out.
    """
    if value is None:
        return "-"
    text = str(value)
    if len(text) > 2 * LIMIT:  # cut before the work, not after it
        text = text[:LIMIT] + "…" + text[-LIMIT:]
    out: list[str] = []
    marks = 0
    for character in text:
        kind = unicodedata.category(character)
        marks = marks + 1 if kind in _MARKS else 0
        unseen = kind in _HIDDEN or marks > _STACK or (kind == "Zs" and character != " ")
        out.append(_escape(character) if unseen else character)
    return shorten("".join(out), limit)


def shorten(text: str, limit: int) -> str:
    """Return *text* in at most *limit* characters, an ellipsis in place of its middle."""
    if len(text) <= limit:
        return text
    if limit <= 1:
        return "…"[:limit]
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"


def _escape(character: str) -> str:
    """Return the escape that Python would write for *character*."""
    number = ord(character)
    named = {9: "\\t", 10: "\\n", 13: "\\r"}
    if number in named:
        return named[number]
    if number < 0x100:  # noqa: PLR2004 - where \x ends
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004
