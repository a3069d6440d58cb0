"""Who is who: fingerprints of API keys, and the secret that makes them ours alone.

A key is never stored, only ``HMAC-SHA256(hash_key, secret)``: without the hash key nobody can
test a guess against a stolen lake. The guard computes the same fingerprint, so what it saw and
what a log says meet. The seed of all sketches is derived from the same secret under a label of
its own, so neither tells anything about the other.

People put keys where none belong. What has the shape of one is hidden in every column that a
client writes: a name becomes its key's fingerprint, in a text the key becomes ``***``. A key
of a shape that nobody knows stays, and so does one in a prompt that the operator keeps.
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
    "mask_keys",
    "own_fingerprints",
    "sketch_seed",
]

FINGERPRINT = re.compile(r"[0-9a-f]{32}")
FINGERPRINT_DIGITS = 32  # 128 bits: by accident two of 10^12 keys agree with p = 1e-15
RAW_KEY = (
    r"(?i)^\s*((bearer|basic)\s|sk[-_]|pk[-_]|rk[-_]|AIza|AKIA|eyJ[\w-]{8,}\."
    r"|(gsk_|hf_|r8_|ghp_|xai-|pplx-|fw_|nvapi-)\S{16,})"
)
"""How a name that is a raw key begins: prefixes of the common providers, bearer headers, JWTs."""
SHAPES = (
    r"[spr]k[-_][\w-]{8,}|AIza[\w-]{16,}|A[KS]IA[A-Z0-9]{16}|eyJ[\w-]{8,}\.[\w.-]+"
    r"|(?:gsk_|hf_|r8_|gh[opsu]_|github_pat_|glpat-|xox[abp]-|xai-|pplx-|fw_|nvapi-)[\w-]{16,}"
)
BEFORE = r"(?:^|[^A-Za-z]|%[0-9A-F]{2}|\\x[0-9A-F]{2})"
"""No letter, so that ``risk-`` and ``task-`` begin no key; or a character that is escaped."""
HEADER = r"(?:authorization\s*[:=]\s*(?:(?:bearer|basic|token|key)\s+)?|\bbearer\s+)"
KEY = rf"(?i){BEFORE}(?P<shaped>{SHAPES})|{HEADER}(?P<told>[^\s\"',;]{{4,}})"
"""A raw key anywhere in a text. RE2 reads it in linear time; Python's ``re`` would not."""
MASKED = rf"(?i)({BEFORE})(?:{SHAPES})|({HEADER})[^\s\"',;]{{4,}}"
SHORTEST = 11  # characters of the shortest text in which KEY finds anything


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
    """Return *column* with every name that is or holds a raw key replaced by its fingerprint."""
    distinct = pc.unique(column)
    raw = {text: _bare(text) for text in _matching(distinct, RAW_KEY).to_pylist()}
    holding = _matching(distinct, KEY)
    for text, found in zip(
        holding.to_pylist(), pc.extract_regex(holding, KEY).to_pylist(), strict=True
    ):
        raw.setdefault(text, found["shaped"] or found["told"])
    if not raw:
        return column
    return _each_distinct(
        column, lambda text: fingerprint(key, raw[text]) if text in raw else text
    )


def mask_keys(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return *column* with ``***`` in place of every raw key in its texts."""
    longest = pc.max(pc.binary_length(column)).as_py()
    if longest is None or longest < SHORTEST or not len(_matching(pc.unique(column), KEY)):
        return column
    coded = column.combine_chunks().dictionary_encode()
    masked = pc.replace_substring_regex(coded.dictionary, MASKED, r"\1\2***")
    return pa.chunked_array([masked.take(coded.indices)])


def _matching(texts: pa.Array, pattern: str) -> pa.Array:
    return texts.filter(pc.match_substring_regex(texts, pattern))


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
