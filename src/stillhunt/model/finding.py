"""A finding: a claim by one detector about one subject, with the numbers to check it by hand."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["NAMESPACE", "Finding", "Severity", "Value", "finding_id"]

Value = str | int | float | bool | None

# Any fixed UUID would do, as long as it never changes.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://stillhunt.example.com/finding")
DAY_US = 86_400_000_000


class Severity(IntEnum):
    """How grave, in the vocabulary of OCSF 1.x ``severity_id``."""

    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


def finding_id(detector: str, subject: Mapping[str, Value], began_us: int) -> str:
    """Return the same id for the same claim, however often and wherever it is made.

    Args:
        detector: Name of the rule or detector.
        subject: The columns that it declares as its subject.
        began_us: When the episode began [us since epoch]; only its UTC day counts.
    """
    day = began_us // DAY_US
    name = json.dumps([detector, dict(subject), day], sort_keys=True, ensure_ascii=False)
    return str(uuid.uuid5(NAMESPACE, name))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One claim. Its severity is its rule's own and accuses nobody."""

    id: str
    detector: str
    family: str
    """Evidence family: content, time, identity, infrastructure or usage."""
    severity: Severity
    subject: Mapping[str, Value]
    statistic: float
    """What was measured; higher is more suspicious. For rules: times the bound."""
    n: int
    """Exchanges that it rests on."""
    first_seen_us: int
    last_seen_us: int
    peer: Mapping[str, Value] | None = None
    p_value: float | None = None
    evidence: Mapping[str, Value] = field(default_factory=dict)
    allowed: str | None = None
    """Reason of the ``[[allow]]`` entry that covers this finding, else None."""
    first_alert_us: int | None = None
    """First step of a replay at which this was found [us since epoch]."""
