import unicodedata

import pytest

from stillhunt.sketch import alphabet


@pytest.mark.parametrize(
    ("character", "kind"),
    [
        ("a", alphabet.LETTER), ("É", alphabet.LETTER), ("я", alphabet.LETTER),
        ("7", alphabet.DIGIT), ("\u0667", alphabet.DIGIT), ("中", alphabet.SOLO),
        ("あ", alphabet.SOLO), ("ก", alphabet.SOLO), ("한", alphabet.LETTER),
        ("\u0301", alphabet.SKIP), ("\u200b", alphabet.SKIP), ("'", alphabet.SKIP),
        ("\n", alphabet.NEWLINE), ("\u2028", alphabet.NEWLINE), (":", alphabet.COLON),
        ("\uff1a", alphabet.COLON), ('"', alphabet.QUOTE), ("{", alphabet.SYMBOL),
        (" ", alphabet.OTHER), ("\ufffd", alphabet.OTHER), ("\U0001f600", alphabet.OTHER),
        ("\U00020000", alphabet.SOLO), ("\U000e0041", alphabet.SKIP),
        ("\U0001d400", alphabet.LETTER),
    ],
)  # fmt: skip
def test_kinds(character: str, kind: int) -> None:
    assert alphabet.kind_of(ord(character)) == kind


def test_composed_and_decomposed_letters_fold_alike() -> None:
    for code in range(0xC0, 0x250):
        first = unicodedata.normalize("NFD", chr(code).lower())[0]
        assert alphabet.FOLD[code] == ord(first)


def test_every_stop_word_names_one_language_and_is_folded() -> None:
    words = [word for words in alphabet.STOP_WORDS.values() for word in words.split()]
    assert len(words) == len(set(words))
    assert all(alphabet.FOLD[ord(c)] == ord(c) for word in words for c in word)


def test_tables_cannot_be_changed() -> None:
    for table in (alphabet.KIND, alphabet.FOLD, alphabet.SCRIPT):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1
