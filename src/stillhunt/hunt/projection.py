"""Pieces of SQL that several readers are made of: paths in JSON, and times in their spellings."""

from collections.abc import Mapping, Sequence

from stillhunt.hunt.casts import END_US, FIRST_US

__all__ = [
    "PER_UNIT_US",
    "at_paths",
    "chat_text",
    "lasted_ms",
    "listed",
    "literal",
    "moment",
    "plausible",
    "question",
    "request_words",
]

Aliases = Mapping[str, Sequence[str]]
PER_UNIT_US = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0.001}


def literal(text: str) -> str:
    """Return *text* as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def at_paths(aliases: Aliases, json: str = "line", record: str = "found") -> tuple[str, str]:
    """Return SQL that takes the first known one of several paths for each column.

    The record is parsed once, whatever the number of paths.

    Args:
        aliases: Column -> JSON paths, newest spelling first.
        json: SQL of the record; it must be valid JSON or NULL.
        record: Name of the list that holds what was found.

    Returns:
        An expression ``... AS record`` for the inner query, and the outer query's columns.
    """
    paths = list(dict.fromkeys(path for several in aliases.values() for path in several))
    listed = ", ".join(literal(path) for path in paths)
    inner = f"json_extract_string({json}, [{listed}]) AS {record}"
    columns = []
    for name, several in aliases.items():
        picks = [f"nullif({record}[{paths.index(path) + 1}], '')" for path in several]
        chosen = f"coalesce({', '.join(picks)})" if len(picks) > 1 else picks[0]
        columns.append(f"{chosen} AS {name}")
    return inner, ",\n".join(columns)


def moment(text: str, unit: str = "s") -> str:
    """Return SQL for microseconds since the epoch of *text*: RFC 3339, or a number.

    A time without an offset is UTC. ``TIMESTAMP`` would ignore an offset, hence ``TIMESTAMPTZ``.

    Args:
        text: SQL of a VARCHAR.
        unit: What a plain number counts: ``s``, ``ms``, ``us`` or ``ns``.
    """
    number = f"TRY_CAST(round(TRY_CAST({text} AS DOUBLE) * {PER_UNIT_US[unit]}) AS BIGINT)"
    if unit == "ns":  # a double holds today's nanoseconds to 256 only
        number = f"TRY_CAST({text} AS BIGINT) // 1000"
    return f"coalesce(epoch_us(TRY_CAST(upper({text}) AS TIMESTAMPTZ)), {number})"


def plausible(moment_us: str) -> str:
    """Return SQL for *moment_us* if it is from 1990 to 2099, else NULL.

    Arithmetic on times is only for such: the difference of two others can overflow, and that
    stops a query, not a row.
    """
    return f"CASE WHEN {moment_us} >= {FIRST_US} AND {moment_us} < {END_US} THEN {moment_us} END"


def lasted_ms(begun_us: str, ended_us: str) -> str:
    """Return SQL for the milliseconds between two moments [us], NULL where that is absurd."""
    begun, ended = plausible(begun_us), plausible(ended_us)
    return f"TRY_CAST((({ended}) - ({begun})) // 1000 AS INTEGER)"


def chat_text(chat: str, roles: Sequence[str]) -> str:
    """Return SQL for the text of the messages of *roles*, newest last, a blank line between.

    A message's content is text, or a list of parts of which those with ``text`` count.

    Args:
        chat: SQL of a JSON list of messages, or NULL.
        roles: Such as ``user``.
    """
    listed = ", ".join(literal(role) for role in roles)
    return (
        f"nullif(array_to_string(list_transform(list_filter(json_extract({chat}, '$[*]'), "
        f"lambda m: json_extract_string(m, '$.role') IN ({listed})), "
        f"lambda m: CASE json_type(m, '$.content') WHEN 'VARCHAR' "
        f"THEN json_extract_string(m, '$.content') ELSE array_to_string("
        f"json_extract_string(m, '$.content[*].text'), chr(10)) END), chr(10) || chr(10)), '')"
    )


def listed(text: str) -> str:
    """Return SQL for *text* where it is a JSON list, else NULL."""
    kind = f"CASE json_type({text}) WHEN 'ARRAY' THEN {text} END"
    return f"CASE WHEN json_valid({text}) THEN {kind} END"


def question(chat: str, written: str) -> str:
    """Return SQL for what the user asked: his messages, or the text as it was written.

    A prompt that happens to be a JSON list, but one that begins with no message, is kept as it
    is: else a client could make it vanish.

    Args:
        chat: SQL of *written* as a JSON list of messages, or NULL.
        written: SQL of the text.
    """
    return (
        f"CASE WHEN json_extract_string({chat}, '$[0].role') IS NULL THEN {written} "
        f"ELSE {chat_text(chat, ('user',))} END"
    )


def request_words(request: str) -> str:
    """Return SQL for the words of the request line *request*: method, path, protocol.

    Several blanks count as one: nginx takes ``POST  /v1/messages`` for a request like any
    other and logs it as it came, and an empty path would hide the client from every rule.

    Args:
        request: SQL of a VARCHAR.
    """
    return (
        f"string_split(CASE WHEN contains({request}, '  ') OR starts_with({request}, ' ') "
        f"THEN trim(regexp_replace({request}, ' +', ' ', 'g')) ELSE {request} END, ' ')"
    )
