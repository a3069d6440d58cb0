import pytest

from stillhunt.hunt.kusto.literals import duration, moment, pascal, quoted, visible
from stillhunt.model.errors import ExportError


def test_a_quote_a_backslash_and_a_newline_cannot_end_a_literal() -> None:
    assert quoted('a"b\\c\nd') == r'"a\"b\\c\nd"'


def test_what_a_reader_cannot_see_is_escaped() -> None:
    assert quoted("a\u202eb\u200b\x00\x7f\u2028") == r'"a\u202eb\u200b\u0000\u007f\u2028"'
    assert quoted("\U000e0041") == r'"\udb40\udc41"'
    assert quoted("日本 é \U0001f600") == '"日本 é \U0001f600"'


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ExportError, match=r"\\udcff"):
        quoted("\udcff")


def test_a_comment_stays_on_its_line() -> None:
    assert visible("a\n| take 1\r\u2028b\x1b[31m") == "a | take 1 b [31m"


@pytest.mark.parametrize(
    ("length_us", "text"),
    [(86_400_000_000, "1d"), (90_000_000, "90s"), (3_660_000_000, "61m"),
     (1_500, "1500microsecond"), (250_000, "250ms"), (0, "0d")],
)  # fmt: skip
def test_durations_are_in_their_largest_whole_unit(length_us: int, text: str) -> None:
    assert duration(length_us) == text


def test_a_moment_has_microseconds() -> None:
    assert moment(1_772_323_200_000_001) == "datetime(2026-03-01T00:00:00.000001Z)"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("ts_us", "TimeGenerated"), ("source_ip", "SourceIP"), ("path", "Endpoint"),
     ("output_tokens", "OutputTokens"), ("created_at_us", "CreatedAt"),
     ("previous_ts_us", "PreviousTimeGenerated"), ("asn", "ASN"), ("n", "N")],
)  # fmt: skip
def test_names_are_those_of_azure_tables(ours: str, theirs: str) -> None:
    assert pascal(ours) == theirs
