"""Paths in one spelling."""

import time

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


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("/v1?a=1;key=abc", "/v1?a=***"),
        ("/v1?;key=abc", "/v1?;key=***"),
        ("/v1?%6bey=abc", "/v1?key=***"),
        ("/v1?%256bey=abc", "/v1?%256bey=***"),
        ("/v1?api%5Fkey=abc&x=1", "/v1?api_key=***&x=1"),
        ("/v1?user%5Bapi_key%5D=abc", "/v1?user%5Bapi_key%5D=***"),
        ("/v1?key%3Dabc", "/v1?***"),
        ("/v1?u=http%3A%2F%2Fx%3Ftoken%3Dabc&b=2", "/v1?u=***&b=2"),
        ("/v1?a=b?key=abc", "/v1?a=***"),
        ("/v1/messages;key=abc", "/v1/messages;key=***"),
        ("/v1/messages;v=1;key=abc/x", "/v1/messages;v=***/x"),
        ("/v1/key=abc", "/v1/key=***"),
        ("/v1?u=http://example.com/x", "/v1?u=http://example.com/x"),
        ("/v1?sk%2Dlive", "/v1?sk-live"),
        ("/ /a /", "/a"),
    ],
)
def test_a_secret_is_masked_however_its_name_is_spelled(written: str, read: str) -> None:
    assert canonical_path(written) == read
    assert canonical_path(read) == read


@pytest.mark.parametrize(
    "piece", ["/a", "a", "key", "%6b", ";key", "=", "http://", "/.", "?", "/."]
)
def test_no_path_takes_long(piece: str) -> None:
    before = time.process_time()
    for text in (piece * 2_000_000, "/" + piece * 4_000, "/v1?" + piece * 4_000 + "="):
        canonical_path(text)
    assert time.process_time() - before < 2
