"""What the sketches take each character for: a few tables that Python and the kernel share.

Characters fall into nine kinds. Letters and digits build words; every character of a script
that is written without blanks (Han, kana, Thai, Lao, Khmer, Burmese) is a word of its own;
apostrophes, accents and invisible characters are passed over as if they were not there, so
that neither ``don't`` nor a zero-width blank splits a word. Letters are compared in lower
case and without accents; full-width forms count as the plain ones.

The tables cover the basic plane. Beyond it ``kind_of`` and ``script_of`` decide by range.
"""

# ruff: noqa: PLR2004, RUF001  (code points are what they are; stop words are not all Latin)

import unicodedata
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "COLON", "DIGIT", "FOLD", "KIND", "LANGUAGES", "LETTER", "NEWLINE", "OTHER", "PLANE",
    "QUOTE", "SCRIPT", "SCRIPTS", "SCRIPT_LANGUAGE", "SKIP", "SOLO", "STOP_WORDS",
    "STOP_WORD_SCRIPTS", "SYMBOL",
    "kind_of", "script_of",
]  # fmt: skip

OTHER, LETTER, DIGIT, SOLO, SKIP, NEWLINE, COLON, QUOTE, SYMBOL = range(9)
"""Kinds of characters. SYMBOL are the signs that are frequent in code and rare in prose."""

PLANE: Final = 0x10000
"""Characters that the tables cover."""
_TABLED = 0x2000  # above, whole blocks are of one kind; below, Unicode's categories decide

SCRIPTS: Final = (
    "Zyyy", "Latn", "Cyrl", "Grek", "Arab", "Hebr", "Deva", "Thai", "Hang", "Hani", "Kana",
    "Jpan", "Armn", "Geor", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym",
    "Sinh", "Laoo", "Tibt", "Mymr", "Ethi", "Khmr", "Mong", "Zzzz",
)  # fmt: skip
"""ISO 15924 codes by number. Zyyy: no letters at all; Zzzz: letters of some other script."""

_SCRIPT_RANGES = (
    (0x0041, 0x024F, "Latn"), (0x0250, 0x02AF, "Latn"), (0x0370, 0x03FF, "Grek"),
    (0x0400, 0x052F, "Cyrl"), (0x0530, 0x058F, "Armn"), (0x0590, 0x05FF, "Hebr"),
    (0x0600, 0x06FF, "Arab"), (0x0750, 0x077F, "Arab"), (0x08A0, 0x08FF, "Arab"),
    (0x0900, 0x097F, "Deva"), (0x0980, 0x09FF, "Beng"), (0x0A00, 0x0A7F, "Guru"),
    (0x0A80, 0x0AFF, "Gujr"), (0x0B00, 0x0B7F, "Orya"), (0x0B80, 0x0BFF, "Taml"),
    (0x0C00, 0x0C7F, "Telu"), (0x0C80, 0x0CFF, "Knda"), (0x0D00, 0x0D7F, "Mlym"),
    (0x0D80, 0x0DFF, "Sinh"), (0x0E00, 0x0E7F, "Thai"), (0x0E80, 0x0EFF, "Laoo"),
    (0x0F00, 0x0FFF, "Tibt"), (0x1000, 0x109F, "Mymr"), (0x10A0, 0x10FF, "Geor"),
    (0x1100, 0x11FF, "Hang"), (0x1200, 0x139F, "Ethi"), (0x1780, 0x17FF, "Khmr"),
    (0x1800, 0x18AF, "Mong"), (0x1C80, 0x1C8F, "Cyrl"), (0x1C90, 0x1CBF, "Geor"),
    (0x1D00, 0x1D7F, "Latn"), (0x1E00, 0x1EFF, "Latn"), (0x1F00, 0x1FFF, "Grek"),
    (0x2C60, 0x2C7F, "Latn"), (0x2D00, 0x2D2F, "Geor"), (0x2D80, 0x2DDF, "Ethi"),
    (0x2DE0, 0x2DFF, "Cyrl"), (0x2E80, 0x2FDF, "Hani"), (0x3005, 0x3007, "Hani"),
    (0x3021, 0x3029, "Hani"), (0x3041, 0x30FF, "Kana"), (0x3100, 0x312F, "Hani"),
    (0x3130, 0x318F, "Hang"), (0x3190, 0x31BF, "Hani"), (0x31F0, 0x31FF, "Kana"),
    (0x3400, 0x4DBF, "Hani"), (0x4E00, 0x9FFF, "Hani"), (0xA640, 0xA69F, "Cyrl"),
    (0xA720, 0xA7FF, "Latn"), (0xA8E0, 0xA8FF, "Deva"), (0xA960, 0xA97F, "Hang"),
    (0xAB30, 0xAB6F, "Latn"), (0xAC00, 0xD7FF, "Hang"), (0xF900, 0xFAFF, "Hani"),
    (0xFB00, 0xFB06, "Latn"), (0xFB13, 0xFB17, "Armn"), (0xFB1D, 0xFB4F, "Hebr"),
    (0xFB50, 0xFDFF, "Arab"), (0xFE70, 0xFEFE, "Arab"), (0xFF21, 0xFF5A, "Latn"),
    (0xFF66, 0xFF9F, "Kana"), (0xFFA0, 0xFFDC, "Hang"),
)  # fmt: skip

_KIND_RANGES = (  # later ranges win
    (0x2000, 0x2BFF, OTHER), (0x2070, 0x209C, DIGIT), (0x2E00, 0x2E7F, OTHER),
    (0x2E80, 0x2FDF, SOLO), (0x2FE0, 0x3040, OTHER), (0x3005, 0x3007, SOLO),
    (0x3021, 0x3029, SOLO), (0x3041, 0x312F, SOLO), (0x3099, 0x309A, SKIP),
    (0x30A0, 0x30A0, OTHER), (0x30FB, 0x30FB, OTHER), (0x3190, 0x31FF, SOLO),
    (0x3200, 0x33FF, OTHER), (0x3400, 0x9FFF, SOLO), (0x4DC0, 0x4DFF, OTHER),
    (0xF900, 0xFAFF, SOLO), (0xFE00, 0xFE0F, SKIP), (0xFE10, 0xFE6F, OTHER),
    (0xFE20, 0xFE2F, SKIP), (0xFEFF, 0xFEFF, SKIP), (0xFF00, 0xFF65, OTHER),
    (0xFF66, 0xFF9F, SOLO), (0xFFE0, 0xFFFF, OTHER),
    (0x200B, 0x200F, SKIP), (0x202A, 0x202E, SKIP), (0x2060, 0x206F, SKIP),
    (0x20D0, 0x20FF, SKIP), (0x2028, 0x2029, NEWLINE), (0x2018, 0x2019, SKIP),
    (0x0300, 0x036F, SKIP), (0x0483, 0x0489, SKIP), (0x0591, 0x05BD, SKIP),
    (0x0610, 0x061A, SKIP), (0x064B, 0x065F, SKIP), (0x0670, 0x0670, SKIP),
    (0x061C, 0x061C, SKIP), (0x00AD, 0x00AD, SKIP), (0x180B, 0x180F, SKIP),
    (0x1AB0, 0x1AFF, SKIP), (0x1DC0, 0x1DFF, SKIP),
)  # fmt: skip

_SIGNS = (
    ("\n", NEWLINE), (":", COLON), ('"`\u201c\u00ab\u300c', QUOTE), ("{}=;<>\\_|", SYMBOL),
    ("'", SKIP),
)  # fmt: skip
_WITHOUT_BLANKS = ("Thai", "Laoo", "Mymr", "Khmr")

SCRIPT_LANGUAGE: Final = {
    "Hang": "ko", "Jpan": "ja", "Hani": "zh", "Thai": "th", "Hebr": "he", "Grek": "el",
    "Armn": "hy", "Geor": "ka", "Gujr": "gu", "Taml": "ta", "Telu": "te", "Knda": "kn",
    "Mlym": "ml", "Sinh": "si", "Laoo": "lo", "Mymr": "my", "Khmr": "km", "Orya": "or",
}  # fmt: skip
"""Scripts that, in practice, one language writes -> ISO 639-1."""

STOP_WORDS: Final = {
    "en": "the and of to for with that this you what how are can write",
    "de": "der das und ist nicht ein eine mit auf ich wie den sind",
    "fr": "le les est une dans pour pas vous et qui avec ce sur",
    "es": "el los las con del y muy pero hay cual cuando al",
    "pt": "nao uma os com em voce sao ao dos isso pelo",
    "it": "il gli che di della sono non lo nel perche",
    "nl": "het een van niet dat voor zijn ik wat hoe",
    "pl": "nie jest sie czy jak dla oraz przez",
    "tr": "bir ve bu icin nasil olarak cok",
    "id": "yang dan untuk dengan ini dari adalah",
    "vi": "la cua va cac khong nhung mot",
    "ru": "и не что как это для на",
    "uk": "і та що як це від або",
}  # fmt: skip
"""Frequent words of one language and, among these, of no other; without accents."""

STOP_WORD_SCRIPTS: Final = ("Latn", "Cyrl")
LANGUAGES: Final = ("", *STOP_WORDS)
"""Language by number; 0 is unknown."""


def _ranged(
    table: npt.NDArray[np.uint8], ranges: tuple[tuple[int, int, int], ...]
) -> npt.NDArray[np.uint8]:
    for first, last, value in ranges:
        table[first : last + 1] = value
    return table


def _build_kind() -> npt.NDArray[np.uint8]:
    kind = np.full(PLANE, LETTER, np.uint8)
    for code in range(_TABLED):
        category = unicodedata.category(chr(code))
        if category[0] in "PSZC" and category != "Cn":
            kind[code] = OTHER
        elif category[0] == "N":
            kind[code] = DIGIT
    kind = _ranged(kind, _KIND_RANGES)
    for first, last, script in _SCRIPT_RANGES:
        if script in _WITHOUT_BLANKS:
            block = kind[first : last + 1]
            block[block == LETTER] = SOLO
    for signs, value in _SIGNS:
        for sign in signs:
            kind[ord(sign)] = value
    kind[0xFF01:0xFF5F] = kind[0x21:0x7F]  # full-width forms
    return kind


def _build_fold() -> npt.NDArray[np.uint16]:
    fold = np.arange(PLANE, dtype=np.uint16)
    for code in range(_TABLED):
        fold[code] = ord(unicodedata.normalize("NFD", chr(code).lower())[0])
    fold[0xFF01:0xFF5F] = fold[0x21:0x7F]
    return fold


KIND: Final = _build_kind()
"""Kind of each character of the basic plane, uint8 of shape (PLANE,)."""
FOLD: Final = _build_fold()
"""The character that it is compared as, uint16 of shape (PLANE,)."""
SCRIPT: Final = _ranged(
    np.full(PLANE, SCRIPTS.index("Zzzz"), np.uint8),
    tuple((first, last, SCRIPTS.index(name)) for first, last, name in _SCRIPT_RANGES),
)
"""Index into SCRIPTS of each letter of the basic plane, uint8 of shape (PLANE,)."""

for _table in (KIND, FOLD, SCRIPT):
    _table.setflags(write=False)


def kind_of(code: int) -> int:
    """Return the kind of any code point."""
    if code < PLANE:
        return int(KIND[code])
    if 0x20000 <= code < 0x40000:
        return SOLO
    if 0x1D000 <= code < 0x1D400 or 0x1F000 <= code < 0x20000:  # notation, pictures
        return OTHER
    return SKIP if 0xE0000 <= code < 0xE1000 else LETTER  # invisible tags


def script_of(code: int) -> int:
    """Return the index into SCRIPTS of a letter; what it says of other characters is void."""
    if code < PLANE:
        return int(SCRIPT[code])
    return SCRIPTS.index("Hani") if 0x20000 <= code < 0x40000 else SCRIPTS.index("Zzzz")
