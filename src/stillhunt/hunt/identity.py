"""Who is who: fingerprints of API keys, and the secret that makes them ours alone.

A key is never stored, only ``HMAC-SHA256(hash_key, secret)``: without the hash key nobody can
test a guess against a stolen lake. The guard computes the same fingerprint, so what it saw and
what a log says meet. The seed of all sketches is derived from the same secret under a label of
its own, so neither tells anything about the other.
Source: RFC 2104 (HMAC), FIPS 180-4 (SHA-256).
"""

import hmac
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.errors import ConfigError

__all__ = [
    "fingerprint",
    "fingerprints",
    "hash_key",
    "hide_keys",
    "own_fingerprints",
    "sketch_seed",
]

FINGERPRINT = re.compile(r"[0-9a-f]{32}")
FINGERPRINT_DIGITS = 32  # 128 bits: by accident two of 10^12 keys agree with p = 1e-15
RAW_KEY = (
    r"(?i)^\s*((bearer|basic)\s|sk[-_]|pk[-_]|rk[-_]|AIza|AKIA|eyJ[\w-]{8,}\."
    r"|(gsk_|hf_|r8_|ghp_|xai-|pplx-|fw_|nvapi-)\S{16,})"
)
"""What a raw key looks like: prefixes of the common providers, bearer headers, JWTs."""


def hash_key(settings: HuntSettings) -> bytes:
    """Return the secret of all keyed hashes; make its file, mode 0600, on first use.

    Raises:
        ConfigError: ``identity.hash_key`` names nothing usable, or an empty secret.
    """
    kind, _, where = settings.identity.hash_key.partition(":")
    if kind == "env" and where:
        secret = os.fsencode(os.environ.get(where, ""))
        return _checked(secret.rstrip(b"\r\n"), f"environment variable {where}")
    if kind == "file" and where:
        return _from_file(settings.folder / where)
    raise ConfigError("identity.hash_key is unusable; give file:PATH or env:NAME")


def fingerprint(key: bytes, secret: str) -> str:
    """Return the first 32 hex digits of HMAC-SHA256(*key*, *secret*)."""
    message = secret.encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, "sha256").hex()[:FINGERPRINT_DIGITS]


def sketch_seed(key: bytes) -> int:
    """Return the 64-bit seed of this installation's sketches, in [0, 2^64)."""
    return int.from_bytes(hmac.digest(key, b"stillhunt sketch seed 1", "sha256")[:8], "big")


def fingerprints(key: bytes, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the fingerprint of each value; each distinct one is hashed once."""
    return _each_distinct(column, lambda secret: fingerprint(key, _bare(secret)))


def own_fingerprints(key: bytes, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return *column* of ``key_hash`` with everything that is no fingerprint made one."""
    return _each_distinct(
        column, lambda text: text if FINGERPRINT.fullmatch(text) else fingerprint(key, _bare(text))
    )


def hide_keys(key: bytes, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return *column* with every value that looks like a raw key replaced by its fingerprint."""
    distinct = pc.unique(column)
    looks_raw = pc.fill_null(pc.match_substring_regex(distinct, RAW_KEY), False)
    if not pc.any(looks_raw).as_py():
        return column
    raw = set(distinct.filter(looks_raw).to_pylist())
    return _each_distinct(
        column, lambda text: fingerprint(key, _bare(text)) if text in raw else text
    )


def _bare(secret: str) -> str:
    """Return the key without the scheme that an Authorization header puts before it."""
    secret = secret.strip()
    scheme, _, rest = secret.partition(" ")
    return rest.strip() if scheme.lower() in {"bearer", "basic"} else secret


def _each_distinct(column: pa.ChunkedArray, change: Callable[[str], str]) -> pa.ChunkedArray:
    coded = column.combine_chunks().dictionary_encode()
    changed = [None if v is None else change(v) for v in coded.dictionary.to_pylist()]
    values = pa.array(changed, pa.string()).take(coded.indices)
    return pa.chunked_array([values])


def _from_file(path: Path) -> bytes:
    try:
        with suppress(FileNotFoundError):
            return _checked(path.read_bytes().rstrip(b"\r\n"), f"file {path}")
        _create(path)
        return _checked(path.read_bytes().rstrip(b"\r\n"), f"file {path}")
    except OSError as error:
        raise ConfigError(f"cannot use the hash key in {path}: {error}") from error


def _create(path: Path) -> None:
    """Write a new secret whole or not at all; of two processes at once, the first one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _checked(secret: bytes, where: str) -> bytes:
    if not secret:
        raise ConfigError(f"the hash key in {where} is empty; give 16 random bytes or more")
    return secret
