"""What the lab knows: the label of every account, and who acts as one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillhunt.model.errors import InputError

__all__ = ["LABELS", "Known", "read_truth"]

LABELS = ("benign", "attack")
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Known:
    """One account, as it is."""

    is_attack: bool
    campaign: str | None
    kind: str
    group: str | None
    """Accounts of one group act as one; honest ones may have a group, too."""


def read_truth(path: str | Path) -> dict[str, Known]:
    """Read a truth file, JSON Lines, by account.

    An attacker whose line names no group belongs to the group of its campaign.

    Raises:
        InputError: It cannot be read, or a line of it; says file, line and what was expected.
    """
    known: dict[str, Known] = {}
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    account, one = _record(f"{path}:{number}", line)
                    if account in known:
                        raise InputError(
                            f"{path}:{number}: account {account[:60]!r} stands here for the"
                            " second time; expected one line each"
                        )
                    known[account] = one
    except OSError as error:
        raise InputError(f"cannot read the truth {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8; expected JSON Lines") from error
    if not known:
        raise InputError(f"{path}: no account in it; expected one JSON object a line")
    return known


def _record(place: str, line: str) -> tuple[str, Known]:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not JSON: {error}; expected one object a line") from error
    if not isinstance(raw, dict):
        raise InputError(f"{place}: expected a JSON object with account_id and label")
    account = _text(place, raw, "account_id")
    if account is None:
        raise InputError(f"{place}: account_id is missing; every line needs one")
    label = raw.get("label")
    if label not in LABELS:
        raise InputError(f"{place}: label is {str(label)[:60]!r}; expected benign or attack")
    campaign = _text(place, raw, "campaign")
    if (campaign is None) == (label == "attack"):
        expected = "a name where the label is attack, null where it is benign"
        raise InputError(f"{place}: campaign is {str(campaign)[:60]!r}; expected {expected}")
    group = _text(place, raw, "group")
    kind = _text(place, raw, "kind") or UNKNOWN
    return account, Known(label == "attack", campaign, kind, group or campaign)


def _text(place: str, raw: Mapping[str, Any], key: str) -> str | None:
    value = raw.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    raise InputError(f"{place}: {key} is {str(value)[:60]!r}; expected text")
