"""What must outlive a kill: where reading stands, the open windows, and what was said.

Two files. The *checkpoint* is written whole, flushed, then renamed: places and windows of one
and the same moment, with a digest. The *journal* beside it gets one line for each finding that
was delivered, flushed to the disk at once. After a kill the lines behind the checkpoint are read
again and give the same findings with the same ids; those in the journal are not said twice.
Findings of the same moment are delivered and noted as a group, because the disk is waited for
once in each. Between the delivery of a group and its lines in the journal, a few milliseconds, a
kill leaves findings that will be said again: at least once, and the ids tell. Where findings go
to a file, its end is looked at too, and then each is said exactly once.
"""

import hashlib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stillhunt.hunt.lake.schema import private
from stillhunt.hunt.lake.staging import sync_folder
from stillhunt.hunt.report.figures import us
from stillhunt.hunt.tail.episodes import Told, who
from stillhunt.hunt.tail.place import Place
from stillhunt.model.errors import InputError
from stillhunt.model.finding import Finding

__all__ = ["Checkpoint", "Delivered", "check_state", "read_checkpoint", "write_checkpoint"]

SCHEMA = "stillhunt.tail/2"
MOST = 100_000
"""Findings of which we remember that they were said, about 15 MB."""
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Everything of one moment."""

    reader: str
    places: tuple[Place, ...] = ()
    engine: Mapping[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    delivered: Mapping[str, int] = field(default_factory=dict)
    """Id -> the gravest severity that was said."""


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write *checkpoint* to *path*, whole or not at all; only its owner may read it.

    Raises:
        OSError: The disk is full, for example; what stood there before still stands.
    """
    arrays = {name: np.ascontiguousarray(a) for name, a in checkpoint.arrays.items()}
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays.values():
        digest.update(array.data)
    told = {
        "reader": checkpoint.reader,
        "places": [asdict(place) for place in checkpoint.places],
        "engine": checkpoint.engine,
        "delivered": checkpoint.delivered,
        "arrays": [[name, array.dtype.str, len(array)] for name, array in arrays.items()],
        "arrays_hash": digest.hexdigest(),
    }
    # ASCII, because the name of a file may be no UTF-8
    text = json.dumps(told, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    head = {"schema": SCHEMA, "length": len(text), "hash": _hash(text)}
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)  # of a kill; or a link, which somebody laid there
    with open(draft, "xb", opener=private) as file:
        file.write(json.dumps(head).encode() + b"\n" + text + b"\n")
        for array in arrays.values():
            file.write(array.data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync_folder(path.parent)


def check_state(path: Path) -> None:
    """See that *path* can hold a checkpoint; it need not be there.

    Raises:
        InputError: Something else stands there; we would wait for a pipe with a name for ever.
    """
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return  # none yet, or whoever opens it says why not
    if not is_regular:
        raise InputError(f"--state {path} is no regular file; name one that need not be there yet")


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Return what stands in *path*, None if there is nothing.

    Raises:
        InputError: It is no checkpoint of ours, or damaged.
    """
    check_state(path)
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline(1_000))
            length = int(head["length"])
            if not 0 <= length <= os.fstat(file.fileno()).st_size:
                raise ValueError("the text is longer than the file")
            text = file.read(length)
            if head["schema"] != SCHEMA or head["hash"] != _hash(text):
                raise ValueError("the digest is not that of the text")
            told = json.loads(text)
            file.read(1)
            arrays = _arrays(file.read(), told)
        return Checkpoint(
            reader=told["reader"],
            places=tuple(Place(**place) for place in told["places"]),
            engine=told["engine"],
            arrays=arrays,
            delivered=told["delivered"],
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read --state {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path} is no whole checkpoint of this version; remove it to start anew"
        ) from error


def _arrays(data: bytes, told: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    if _hash(data) != told["arrays_hash"]:
        raise ValueError("the digest is not that of the arrays")
    found, at = {}, 0
    for name, kind, length in told["arrays"]:
        found[name] = np.frombuffer(data, np.dtype(kind), length, at)
        at += found[name].nbytes
    return found


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class Delivered:
    """What was said, in memory and in the journal beside the checkpoint."""

    def __init__(self, state: Path | None, said: Mapping[str, int] | None = None) -> None:
        """Take what the checkpoint knows and what the journal adds.

        Args:
            state: The checkpoint's path; None keeps nothing on the disk.
            said: Id -> severity.
        """
        self.said = dict(said or {})
        self.told: dict[str, Told] = {}
        """Episodes that the journal knows, by ``episodes.who``."""
        self._path = state and state.with_name(state.name + ".delivered")
        self._start = b"\n"  # ends a line that a kill left half-written
        for line in _lines(self._path):
            self.note(line)
            self._recall(line)

    def note(self, line: bytes) -> None:
        """Take the id and severity of a line of JSON; anything else is passed over."""
        try:
            told = json.loads(line)
            name, severity = str(told["id"]), int(told["severity"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return  # the half-written end of a file
        self.said[name] = max(severity, self.said.get(name, 0))

    def _recall(self, line: bytes) -> None:
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            told = json.loads(line)
            began, last = int(told["began_us"]), int(told["last_us"])
            self.told[str(told["who"])] = Told(began, last)

    def is_news(self, finding: Finding) -> bool:
        """Return whether *finding* was not said yet, or is graver than what was said."""
        return int(finding.severity) > self.said.get(finding.id, 0)

    def add(self, findings: Sequence[Finding]) -> None:
        """Remember that *findings* were said, on the disk too.

        Raises:
            OSError: The disk is full, for example; they are remembered in memory.
        """
        new = {finding.id: int(finding.severity) for finding in findings}
        self.said |= new
        if self._path is None:
            return
        lines = [json.dumps(_noted(finding)) + "\n" for finding in findings]
        text, self._start = self._start + "".join(lines).encode("ascii"), b"\n"
        with open(self._path, "ab", opener=_private_append) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self._start = b""

    def settled(self) -> Mapping[str, int]:
        """Return what was said, the newest MOST of it, for the checkpoint."""
        if len(self.said) > MOST:
            self.said = dict(list(self.said.items())[-MOST // 2 :])
        return self.said

    def clear(self) -> None:
        """Empty the journal: the checkpoint has it all."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _noted(finding: Finding) -> dict[str, Any]:
    """Return what the journal keeps of *finding*: no subject, which may be long."""
    noted = {"id": finding.id, "severity": int(finding.severity)}
    began = finding.evidence.get("episode_began")
    if not isinstance(began, str):
        return noted
    return noted | {
        "who": who(finding.detector, finding.subject.values()),
        "began_us": us(began),
        "last_us": finding.last_seen_us,
    }


def _private_append(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _lines(path: Path | None) -> list[bytes]:
    if path is None:
        return []
    try:
        return path.read_bytes().splitlines()
    except OSError:
        return []
