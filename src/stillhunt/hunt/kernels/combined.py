"""The combined access log in one pass over its bytes: what the projection of ``nginx`` says.

Only lines of the plain shape are read here, with every field where it belongs; every other line
is called odd and goes the projection's way, so that what is odd has one meaning. Texts repeat,
so each distinct one is kept once: a row holds its number.

Texts are hashed by Carter and Wegman's multilinear family, with weights drawn at random for
each process: whoever writes the log cannot choose texts that collide.
Source: Carter and Wegman, Universal classes of hash functions (1979); Hinnant, chrono-compatible
low-level date algorithms (days_from_civil).
"""

# ruff: noqa: PLR1714, PLR2004, SIM109 - bytes are what they are, and chains compile better than sets

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillhunt.sketch.kernels.compiled import cached, compiled

__all__ = [
    "ADDRESS", "AGENT", "COLUMNS", "FIRST_SLOTS", "KNOWN", "LONGEST", "METHOD", "PATH", "SLOTS",
    "Rows", "Store", "label", "marks", "parse",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Weights = npt.NDArray[np.uint32]

ADDRESS: Final = 0
METHOD: Final = 1
PATH: Final = 2
AGENT: Final = 3
COLUMNS: Final = 4
SLOTS: Final = 0
KNOWN: Final = 1
FIRST_SLOTS: Final = 1 << 12
LONGEST: Final = 2_048
"""Bytes of the longest text of a plain line."""
_QUOTE: Final = 34
_BLANK: Final = 32
_NEWLINE: Final = 10
_BACKSLASH: Final = 92
_DASH: Final = 45
_1: Final = np.uint64(1)
_SHIFT: Final = np.uint64(8)  # the low bits of a multilinear hash are the weak ones
_MONTHS = np.frombuffer(b"JanFebMarAprMayJunJulAugSepOctNovDec", np.uint8).reshape(12, 3)
_LENGTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


class Store(NamedTuple):
    """The distinct texts of n lines, by column."""

    tables: Codes
    """Hash tables of their numbers, shape (COLUMNS, a power of two >= 4 n, and FIRST_SLOTS)."""
    hashes: Weights
    """Of the texts, shape (COLUMNS, n)."""
    bounds: Codes
    """Where each begins and ends, shape (COLUMNS, n + 1)."""
    texts: Bytes
    """Their bytes, shape (COLUMNS, bytes of all lines)."""
    sizes: Ints
    """Slots in use of each table, and distinct texts, shape (COLUMNS, 2)."""


class Rows(NamedTuple):
    """What the plain ones of n lines say."""

    numbers: Ints
    """Index of the line, shape (n,)."""
    times: Ints
    """[us since epoch], shape (n,)."""
    statuses: npt.NDArray[np.int16]
    """Of HTTP, shape (n,)."""
    codes: Codes
    """Numbers of the texts in the store, -1 for an unknown, shape (COLUMNS, n)."""


@compiled
def _two(data: Bytes, at: int) -> int:
    """Return the number of two digits, or -1."""
    tens, ones = np.int64(data[at]) - 48, np.int64(data[at + 1]) - 48
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return -1
    return int(tens * 10 + ones)


@compiled
def _day(data: Bytes, at: int) -> int:
    """Return the days since the epoch of ``24/Nov/2026``, or -1."""
    day = _two(data, at)
    century, years = _two(data, at + 7), _two(data, at + 9)
    if day < 1 or century < 0 or years < 0 or data[at + 2] != 47 or data[at + 6] != 47:
        return -1
    month = 0
    for k in range(12):
        if (
            data[at + 3] == _MONTHS[k, 0]
            and data[at + 4] == _MONTHS[k, 1]
            and data[at + 5] == _MONTHS[k, 2]
        ):
            month = k + 1
    year = century * 100 + years
    if month == 0 or year < 1991 or year > 2098:
        return -1
    # 2000 was a leap year, as every 400th is; 2100, which will be none, is out of range.
    if day > _LENGTHS[month - 1] + (1 if month == 2 and year % 4 == 0 else 0):
        return -1
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@compiled
def _time(data: Bytes, at: int) -> int:
    """Return the time ``24/Nov/2026:10:00:00 +0000`` [us since epoch], or -1."""
    day = _day(data, at)
    hour, minute, second = _two(data, at + 12), _two(data, at + 15), _two(data, at + 18)
    east, rest = _two(data, at + 22), _two(data, at + 24)
    sign = data[at + 21]
    if (
        day < 0 or hour < 0 or hour > 23 or minute < 0 or minute > 59
        or second < 0 or second > 59
        or east < 0 or east > 14 or rest < 0 or rest > 59 or (sign != 43 and sign != 45)
        or data[at + 11] != 58 or data[at + 14] != 58 or data[at + 17] != 58
        or data[at + 20] != _BLANK
    ):  # fmt: skip
        return -1
    zone = east * 60 + rest
    minutes = (day * 24 + hour) * 60 + minute - (zone if sign == 43 else -zone)
    return (minutes * 60 + second) * 1_000_000


@compiled
def _number(
    column: np.uint64, data: Bytes, start: np.uint64, length: np.uint64, weights: Weights,
    tables: Codes, hashes: Weights, bounds: Codes, texts: Bytes, sizes: Ints,
) -> int:  # fmt: skip
    """Return the number of a text in *column*; if it is new, it is entered.

    All places are unsigned and no slice is made: numba would check each index for its sign and
    count references, which took half of the time.
    """
    summed = np.uint64(length)
    for k in range(length):
        summed += np.uint64(weights[k]) * np.uint64(data[start + k])
    total = np.uint32(summed)  # modulo 2^32, as the family has it
    mask = np.uint64(sizes[column, SLOTS]) - _1
    place = (np.uint64(total) >> _SHIFT) & mask
    while tables[column, place] >= 0:
        number = np.uint64(tables[column, place])
        begin = np.uint64(bounds[column, number])
        if hashes[column, number] == total and bounds[column, number + _1] == begin + length:
            differs = np.uint8(0)
            for k in range(length):
                differs |= data[start + k] ^ texts[column, begin + k]
            if differs == 0:
                return int(number)
        place = (place + _1) & mask
    known = np.uint64(sizes[column, KNOWN])
    begin = np.uint64(bounds[column, known])
    for k in range(length):
        texts[column, begin + k] = data[start + k]
    tables[column, place], hashes[column, known] = np.int32(known), total
    bounds[column, known + _1] = np.int32(begin + length)
    sizes[column, KNOWN] += 1
    if 2 * sizes[column, KNOWN] > sizes[column, SLOTS]:
        sizes[column, SLOTS] *= 2
        _spread(column, tables, hashes, sizes)
    return int(known)


@compiled
def _spread(column: np.uint64, tables: Codes, hashes: Weights, sizes: Ints) -> None:
    """Enter all texts anew into the slots in use: a small table stays in the cache."""
    slots = np.uint64(sizes[column, SLOTS])
    for slot in range(slots):
        tables[column, slot] = -1
    for number in range(sizes[column, KNOWN]):
        place = (np.uint64(hashes[column, number]) >> _SHIFT) & (slots - _1)
        while tables[column, place] >= 0:
            place = (place + _1) & (slots - _1)
        tables[column, place] = np.int32(number)


@cached
def marks(data: Bytes) -> Ints:
    """Return the places of the quote signs and newlines in *data*, which ends with one; ascending.

    Sixty-four bytes become the bits of one word, which the machine does eight at a time; then
    only the set bits are visited. Looking at byte after byte takes twice as long.
    """
    count = 0
    for k in range(len(data)):
        count += (data[k] == _QUOTE) | (data[k] == _NEWLINE)
    places = np.empty(count, np.int64)
    count = 0
    whole = len(data) // 64 * 64
    for start in range(0, whole, 64):
        part = data[start : start + 64]
        bits = np.uint64(0)
        for k in range(64):
            is_mark = (part[k] == _QUOTE) | (part[k] == _NEWLINE)
            bits |= np.uint64(is_mark) << np.uint64(k)
        while bits:
            low = bits & (~bits + np.uint64(1))
            places[count] = start + int(np.log2(low))  # exact: it is a power of two
            count += 1
            bits ^= low
    for k in range(whole, len(data)):
        places[count] = k
        count += (data[k] == _QUOTE) | (data[k] == _NEWLINE)
    return places


@cached
def label(prefix: Bytes, numbers: Ints, offsets: Codes) -> Bytes:
    """Return *prefix* and the decimal digits of each number, and write where each begins."""
    most = len(prefix) + 20
    text = np.empty(len(numbers) * most, np.uint8)
    digits = np.empty(20, np.uint8)
    place = 0
    for k in range(len(numbers)):
        offsets[k] = place
        text[place : place + len(prefix)] = prefix
        place += len(prefix)
        left, count = numbers[k], 0
        while True:
            digits[count] = 48 + left % 10
            left //= 10
            count += 1
            if left == 0:
                break
        for i in range(count):
            text[place + i] = digits[count - 1 - i]
        place += count
    offsets[len(numbers)] = place
    return text[:place].copy()


@cached
def parse(
    data: Bytes,
    places: Ints,
    weights: Weights,
    store: Store,
    rows: Rows,
    odd: Ints,
) -> tuple[int, int]:
    """Read the lines of *data*; return how many were plain, and how many odd.

    Args:
        data: Lines, n of them, each with its newline, valid UTF-8.
        places: What ``marks`` says of *data*.
        weights: Of the hash, at random, shape (LONGEST,).
        store: Where the distinct texts go; written.
        rows: What the plain lines say; written.
        odd: Index, start and end of each odd line, shape (n, 3); written.
    """
    tables, hashes, bounds, texts, sizes = store
    numbers, times, statuses, codes = rows
    at = np.empty(COLUMNS, np.int64)
    lengths = np.empty(COLUMNS, np.int64)
    for column in range(COLUMNS):
        sizes[column, SLOTS], sizes[column, KNOWN], bounds[column, 0] = FIRST_SLOTS, 0, 0
        _spread(np.uint64(column), tables, hashes, sizes)
    plain = others = line = begin = first = 0
    for mark in range(len(places)):
        end = places[mark]
        if data[end] != _NEWLINE:
            continue
        moment = status = -1
        if _is_plain(data, begin, places, first, mark):
            moment = _time(data, places[first] - 28)
            status = _status(data, places[first + 1])
        if moment >= 0 and status >= 0 and _fields(data, begin, places, first, at, lengths):
            numbers[plain] = line
            times[plain] = moment
            statuses[plain] = status
            for column in range(COLUMNS):
                start, length = at[column], lengths[column]
                may_lack = column == METHOD or column == AGENT
                if may_lack and length == 1 and data[start] == _DASH:
                    codes[column, plain] = -1
                    continue
                codes[column, plain] = _number(
                    np.uint64(column), data, np.uint64(start), np.uint64(length), weights,
                    tables, hashes, bounds, texts, sizes,
                )  # fmt: skip
            plain += 1
        else:
            odd[others, 0], odd[others, 1], odd[others, 2] = line, begin, end
            others += 1
        line += 1
        begin, first = end + 1, mark + 1
    return plain, others


@compiled
def _is_plain(data: Bytes, begin: int, places: Ints, first: int, last: int) -> bool:
    """Say whether a line has its quotes where they belong, none of them escaped.

    Args:
        data: All lines.
        begin: Where the line begins.
        places: Of quotes and newlines.
        first: The line's first mark.
        last: Its last mark, the newline.
    """
    quotes = last - first
    if (quotes != 6 and quotes != 8) or places[first] - begin < 31:
        return False  # what stands before the first quote holds a time at least
    for k in range(first, last):
        if data[places[k] - 1] == _BACKSLASH:
            return False
    if quotes == 6:
        return True
    between = places[first + 5] + 1
    return bool(places[first + 6] == between + 1 and data[between] == _BLANK)


@compiled
def _status(data: Bytes, quote: int) -> int:
    """Return the three digits between blanks behind the request, or -1."""
    high, low = _two(data, quote + 2), np.int64(data[quote + 4]) - 48
    if high < 10 or low < 0 or low > 9 or data[quote + 1] != _BLANK or data[quote + 5] != _BLANK:
        return -1
    return int(high * 10 + low)


@compiled
def _fields(data: Bytes, begin: int, places: Ints, first: int, at: Ints, lengths: Ints) -> bool:
    """Write where address, method, path and agent stand; say whether they are all plain."""
    head, request = places[first], places[first + 1]
    if places[first + 2] - request < 6:
        return False
    if data[head - 29] != 91 or data[head - 2] != 93 or data[head - 1] != _BLANK:
        return False
    address = _blank(data, begin, min(head, begin + 65))
    method = _blank(data, head + 1, min(request, head + 34))
    if data[address + 1] != _DASH or data[address + 2] != _BLANK:
        return False  # perhaps Apache's vhost_combined, where the second word is the address
    path = _blank(data, method + 1, request)
    at[ADDRESS], lengths[ADDRESS] = begin, address - begin
    at[METHOD], lengths[METHOD] = head + 1, method - head - 1
    at[PATH], lengths[PATH] = method + 1, path - method - 1
    at[AGENT] = places[first + 4] + 1
    lengths[AGENT] = places[first + 5] - at[AGENT]
    return bool(
        0 < lengths[ADDRESS] <= 64 and 0 < lengths[METHOD] <= 32 and method < request
        and 0 < lengths[PATH] <= LONGEST and lengths[AGENT] <= LONGEST
    )  # fmt: skip


@compiled
def _blank(data: Bytes, start: int, end: int) -> int:
    """Return the place of the first blank in *data* from *start* on, *end* if there is none."""
    for k in range(start, end):
        if data[k] == _BLANK:
            return k
    return end
