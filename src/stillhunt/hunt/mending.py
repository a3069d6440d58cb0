"""A second chance for lines that are nearly JSON."""

import json
import re
from typing import Any

__all__ = ["mend_json", "parsed", "shallow"]

INTEGER_DIGITS = 18  # digits that surely fit 64 bits; longer numbers stay text
DEEPEST = 100  # levels; Python's own parser gives up at about 1,000
PIECE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


def mend_json(line: str) -> str:
    """Return *line* as strict JSON: Python reads lone surrogates, NaN and control characters.

    NaN and infinities become text, which no column of numbers takes. Of a key that stands
    twice the first counts, as everywhere here.

    Raises:
        ValueError: Still not JSON; the message says why, without the line's text.
    """
    if not line.strip():
        raise ValueError("blank line")
    value = parsed(
        line,
        parse_constant=str,
        parse_int=lambda digits: int(digits) if len(digits) <= INTEGER_DIGITS else digits,
        object_pairs_hook=lambda pairs: dict(reversed(pairs)),
    )
    text = json.dumps(value, ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def parsed(line: str, **how: Any) -> Any:  # noqa: ANN401 - any JSON value, options of json
    """Return the value of a JSON text; what is nested too deep in it is None.

    A client can nest what it sends, and must not thereby make the whole line unreadable.

    Raises:
        ValueError: Not JSON; the message says why, without the line's text.
    """
    try:
        try:
            value = json.loads(line, strict=False, **how)
        except RecursionError:
            value = json.loads(shallow(line), strict=False, **how)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except ValueError:  # an integer of thousands of digits
        raise ValueError("not JSON: a number is too long") from None
    return value


def shallow(text: str) -> str:
    """Return JSON *text* with null for each value more than 100 levels deep, in one pass."""
    kept, start, depth = [], 0, 0
    for piece in PIECE.finditer(text):
        if piece[0] in {"[", "{"}:
            depth += 1
            if depth == DEEPEST + 1:
                kept += [text[start : piece.start()], "null"]
        elif piece[0] in {"]", "}"}:
            if depth == DEEPEST + 1:
                start = piece.end()
            depth -= 1
    return "".join([*kept, text[start:] if depth <= DEEPEST else ""])
