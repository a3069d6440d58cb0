"""Which texts and numbers may stand in a rule: whoever wrote it, a terminal only shows it.

Rules are passed on, and what they say of themselves is printed. A terminal escape or a
bidirectional control in one would rewrite the lines around it, or the query that an analyst
compares with its finding.
Source: Unicode Technical Report 36, section 3.6; "Trojan Source", Boucher and Anderson (2021).
"""

import unicodedata
from collections.abc import Iterator

from stillhunt.hunt.parameters import MOST
from stillhunt.hunt.rule_place import Loc

__all__ = ["unfit_values"]

PROSE = ("description", "statistic", "look_alikes", "cost_to_evade", "source", "note")
"""Keys whose text has lines."""
HIDDEN = ("Cc", "Zl", "Zp", "Cs")
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of what stands around them."""


def unfit_values(declared: object, loc: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Yield the way to each text with a character that does something, or a number too large.

    Args:
        declared: What a rule's file holds.
        loc: The way to it.
    """
    if isinstance(declared, dict):
        for key, value in declared.items():
            if (odd := _odd(key, "")) is not None:
                yield (*loc, key.encode("unicode_escape").decode()), _said(odd)
            else:
                yield from unfit_values(value, (*loc, key))
    elif isinstance(declared, list):
        for k, value in enumerate(declared):
            yield from unfit_values(value, (*loc, k))
    elif isinstance(declared, str):
        key = next((part for part in reversed(loc) if isinstance(part, str)), "")
        if (odd := _odd(declared, "\n\t" if key in PROSE else "")) is not None:
            yield loc, _said(odd)
    elif isinstance(declared, int) and abs(declared) > MOST:
        yield loc, f"is a number of {declared.bit_length()} bits; the largest is 2^53 ({MOST})"


def _odd(text: str, allowed: str) -> str | None:
    """Return the first character of *text* that a terminal obeys instead of showing it."""
    for character in text:
        is_odd = character in TURNING or unicodedata.category(character) in HIDDEN
        if is_odd and character not in allowed:
            return character
    return None


def _said(odd: str) -> str:
    return f"holds the control character U+{ord(odd):04X}; expected characters that can be seen"
