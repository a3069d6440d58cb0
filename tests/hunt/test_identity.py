"""Fingerprints of keys and the secret behind them."""

import hashlib
import hmac
import stat
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from stillhunt.hunt.identity import (
    fingerprint,
    fingerprints,
    hash_key,
    hide_keys,
    mask_keys,
    own_fingerprints,
    sketch_seed,
)
from stillhunt.hunt.settings import HuntSettings, Identity
from stillhunt.model.errors import ConfigError

KEY = b"0123456789abcdef0123456789abcdef"


def settings(folder: Path, where: str) -> HuntSettings:
    return HuntSettings(folder=folder, identity=Identity(hash_key=where))


def test_a_fingerprint_is_32_hex_digits_of_hmac_sha256() -> None:
    whole = hmac.new(KEY, b"sk-1", hashlib.sha256).hexdigest()
    assert fingerprint(KEY, "sk-1") == whole[:32]


def test_the_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = hash_key(HuntSettings(folder=tmp_path))
    assert stat.S_IMODE((tmp_path / "hash.key").stat().st_mode) == 0o600
    assert len(first) == 64
    assert hash_key(HuntSettings(folder=tmp_path)) == first
    assert [path.name for path in tmp_path.iterdir()] == ["hash.key"]


def test_of_many_who_make_the_file_at_once_all_get_the_same_key(tmp_path: Path) -> None:
    got: list[bytes] = []
    start = threading.Barrier(8)

    def take() -> None:
        start.wait()
        got.append(hash_key(HuntSettings(folder=tmp_path)))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(got)) == 1


def test_the_environment_may_hold_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUNT_KEY", KEY.decode())
    assert hash_key(settings(tmp_path, "env:HUNT_KEY")) == KEY


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("env:NOT_THERE_AT_ALL", "environment variable NOT_THERE_AT_ALL is empty"),
        ("env:", "give file:PATH or env:NAME"),
        ("file:", "give file:PATH or env:NAME"),
        ("vault:x", "give file:PATH or env:NAME"),
        ("file:.", "cannot use the hash key"),
    ],
)
def test_a_hash_key_that_is_not_there_stops_the_start(
    tmp_path: Path, where: str, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        hash_key(settings(tmp_path, where))


def test_only_line_ends_behind_a_key_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "k").write_bytes(b" a key \r\n")
    monkeypatch.setenv("K", " a key \n")
    assert hash_key(settings(tmp_path, "file:k")) == hash_key(settings(tmp_path, "env:K"))
    assert hash_key(settings(tmp_path, "file:k")) == b" a key "


def test_the_file_that_is_made_holds_the_key_and_nothing_else(tmp_path: Path) -> None:
    made = hash_key(settings(tmp_path, "file:new"))
    assert (tmp_path / "new").read_bytes() == made


def test_what_is_no_fingerprint_becomes_one() -> None:
    column = pa.chunked_array([["acme_live_0123", fingerprint(KEY, "acme_live_0123"), None]])
    known = fingerprint(KEY, "acme_live_0123")
    assert own_fingerprints(KEY, column).to_pylist() == [known, known, None]


def test_an_empty_file_is_refused_and_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "k").touch()
    with pytest.raises(ConfigError, match="empty"):
        hash_key(settings(tmp_path, "file:k"))
    assert (tmp_path / "k").read_bytes() == b""


def test_the_seed_is_64_bits_that_depend_on_the_key() -> None:
    assert 0 <= sketch_seed(KEY) < 2**64
    assert sketch_seed(KEY) == sketch_seed(KEY) != sketch_seed(KEY + b"x")
    assert f"{sketch_seed(KEY):016x}" not in fingerprint(KEY, "stillhunt sketch seed 1")[:8]


def test_a_columns_fingerprints_are_those_of_its_values() -> None:
    column = pa.chunked_array([["sk-1", None], ["Bearer sk-1", "sk-2"]])
    one, two = fingerprint(KEY, "sk-1"), fingerprint(KEY, "sk-2")
    assert fingerprints(KEY, column).to_pylist() == [one, None, one, two]


def test_only_what_looks_like_a_raw_key_is_hidden() -> None:
    plain = ["a1", None, "sketchy", "ann@example.com", "bearer", "hf_short", "0f" * 16, "task-7"]
    column = pa.chunked_array([plain])
    assert hide_keys(KEY, column).to_pylist() == plain
    mixed = pa.chunked_array([["a1", "sk-live-1", None, "gsk_0123456789abcdefgh"]])
    hidden = hide_keys(KEY, mixed).to_pylist()
    assert hidden[0::2] == ["a1", None]
    assert hidden[1] == fingerprint(KEY, "sk-live-1")
    assert hidden[3] == fingerprint(KEY, "gsk_0123456789abcdefgh")


KEYS = [
    "sk-abcdefgh", "sk-ant-api03-AbCdEf_0-9", "pk_live_0123456789", "rk_live_0123456789",
    "AIzaSyA-1234567890abcdef", "AKIAIOSFODNN7EXAMPLE", "gsk_0123456789abcdefgh",
    "hf_0123456789abcdefgh", "xai-0123456789abcdefgh", "ghp_0123456789abcdefgh",
    "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("before", "behind"),
    [("", ""), ("curl/8 ", ""), ("(", ")"), ('"', '"'), ("%22", "%22"), ("\\x22", "\\x22"),
     ("/", "/x"), ("é", " é"), ("%3A", ""), ("key=", "&x")],
)  # fmt: skip
def test_a_key_anywhere_in_a_text_is_masked(key: str, before: str, behind: str) -> None:
    column = pa.chunked_array([[before + key + behind, None, "curl"]])
    assert mask_keys(column).to_pylist() == [f"{before}***{behind}", None, "curl"]
    hidden = hide_keys(KEY, column).to_pylist()
    assert hidden[1:] == [None, "curl"]
    assert len(hidden[0]) == 32
    assert fingerprint(KEY, key) == hidden[0] or not before


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Authorization: Bearer abcd.efgh~1", "Authorization: Bearer ***"),
        ("authorization=Basic dXNlcjpwYXNz x", "authorization=Basic *** x"),
        ("x; bearer\tabcdefg, y", "x; bearer\t***, y"),
        ("sk-abcdefgh,sk-abcdefgi sk-abcdefgj", "***,*** ***"),
    ],
)
def test_what_stands_behind_bearer_is_masked(said: str, kept: str) -> None:
    assert mask_keys(pa.chunked_array([[said]])).to_pylist() == [kept]


def test_a_text_without_a_key_stays_the_very_same_column() -> None:
    plain = ["Mozilla/5.0 (X11; sk-SK; rv:1.9) Gecko", "risk-assessment-model-2",
             "task-0123456789",
             "gpt-4o-mini-2024-07-18", "claude-3-5-sonnet@20240620", None,
             "scikit-learn/sk-learn", "", "disk-encryption-tool"]  # fmt: skip
    column = pa.chunked_array([plain])
    assert mask_keys(column) is column
    assert hide_keys(KEY, column) is column


@pytest.mark.parametrize(
    "piece", ["sk-", "eyJ", "eyJaaaaaaaa", "Bearer ", "authorization:", "%2", "a"]
)
def test_no_text_takes_long(piece: str) -> None:
    column = pa.chunked_array([[piece * 300_000]])
    before = time.process_time()
    mask_keys(column)
    hide_keys(KEY, column)
    assert time.process_time() - before < 3
