"""A second chance for lines that are nearly JSON."""

import json

__all__ = ["mend_json"]

INTEGER_DIGITS = 18  # digits that surely fit 64 bits; longer numbers stay text


def mend_json(line: str) -> str:
    """Return *line* as strict JSON: Python reads lone surrogates, NaN and control characters.

    NaN and infinities become text, which no column of numbers takes. Of a key that stands
    twice the first counts, as everywhere here.

    Raises:
        ValueError: Still not JSON; the message says why, without the line's text.
    """
    if not line.strip():
        raise ValueError("blank line")
    try:
        value = json.loads(
            line,
            strict=False,
            parse_constant=str,
            parse_int=lambda digits: int(digits) if len(digits) <= INTEGER_DIGITS else digits,
            object_pairs_hook=lambda pairs: dict(reversed(pairs)),
        )
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise ValueError("not JSON: nested too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
