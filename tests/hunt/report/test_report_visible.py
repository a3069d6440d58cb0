"""Names that an attacker chose can be looked at without harm."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.hunt.report.visible import shorten, visible


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("\udcff", r"\udcff"),
        ("a\u2028b\x85", r"a\u2028b\x85"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("\u00a0x\u3000", r"\xa0x\u3000"),
        ("[red]x[/red]", "[red]x[/red]"),
        ("Zoë Müller 李", "Zoë Müller 李"),
        (None, "-"),
        (17, "17"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_its_escape(hostile: object, shown: str) -> None:
    assert visible(hostile) == shown


def test_marks_that_paint_over_other_lines_are_cut_off_after_two() -> None:
    shown = visible("e" + "\u0301" * 50)
    assert shown.startswith("e\u0301\u0301\\u0301")
    assert sum(unicodedata.category(c) == "Mn" for c in shown) == 2


@settings(max_examples=100)
@given(st.text(), st.integers(0, 40))
def test_nothing_hidden_and_nothing_too_long_comes_out(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert len(shown) <= limit
    assert all(unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029" for c in shown)


def test_a_long_name_keeps_both_ends() -> None:
    assert shorten("abcdefghij", 5) == "ab…ij"
    assert shorten("abcdefghij", 6) == "abc…ij"
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abc", 1) == "…"
    assert shorten("abc", 0) == ""


def test_a_name_of_sixteen_megabytes_costs_no_more_than_a_long_one() -> None:
    began = time.process_time()
    shown = visible("a" * 16_000_000 + "\x1b" * 100, 200)
    assert time.process_time() - began < 0.5
    assert len(shown) == 200
    assert shown.endswith(r"\x1b")
