"""Paths in one spelling."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhunt.hunt.paths import canonical_path, canonical_paths


@pytest.mark.parametrize(
    "written",
    [
        "/v1/messages",
        "//v1/messages",
        "/v1//messages",
        "/v1/./messages",
        "/v1/models/../messages",
        "/v1/messages/",
        "/v1/%6dessages",
        "/v1%2Fmessages",
        "http://api.example.com/v1/messages",
        "HTTPS://api.example.com:8443/v1/messages#top",
    ],
)
def test_every_spelling_of_an_end_point_is_one(written: str) -> None:
    assert canonical_path(written) == "/v1/messages"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("/v1/messages?beta=true", "/v1/messages?beta=true"),
        ("/v1//messages/?a=//b", "/v1/messages?a=//b"),
        ("/v1/messages?api_key=sk-1&x=2", "/v1/messages?api_key=***&x=2"),
        ("/v1/messages?x=2&Auth=abc", "/v1/messages?x=2&Auth=***"),
        ("/", "/"),
        ("//", "/"),
        ("", ""),
        ("*", "*"),
        ("/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("/v1/Messages", "/v1/Messages"),
        ("/v1/messages%3Fx", "/v1/messages%3Fx"),
    ],
)
def test_what_means_something_stays(written: str, read: str) -> None:
    assert canonical_path(written) == read


@given(st.text(alphabet="/.%2Fv1messages?#; :é\x00", max_size=60))
def test_a_second_reading_of_a_plain_path_changes_nothing(text: str) -> None:
    once = canonical_path("/" + text)
    if "%" not in once:
        assert canonical_path(once) == once


def test_a_column_keeps_its_order_and_its_unknowns() -> None:
    column = pa.chunked_array([["/a//b", None], ["/a/b", "/c"]])
    assert canonical_paths(column).to_pylist() == ["/a/b", None, "/a/b", "/c"]
    plain = pa.chunked_array([["/a", "/b"]])
    assert canonical_paths(plain) is plain
