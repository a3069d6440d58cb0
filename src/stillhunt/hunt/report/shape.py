"""The shape of ``stillhunt.report/1``: what ``--json`` writes, and its JSON Schema, as one.

Readers of a report must accept keys that they do not know: keys are added without a new
schema number, and only removed or changed with one.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

__all__ = [
    "Account",
    "Campaign",
    "Claim",
    "Detector",
    "Event",
    "FindingLine",
    "Hunt",
    "Ingest",
    "Input",
    "Parameter",
    "Period",
    "RejectLine",
    "Report",
    "Rules",
    "Totals",
    "report_schema",
]

SCHEMA = "stillhunt.report/1"
_TIME: JsonDict = {"format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
_SEVERITY = Field(ge=1, le=5)

Figure = str | int | float | bool | None
Figures = dict[str, Figure]


def _time(**more: Any) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """Return the field of a moment, RFC 3339 in UTC."""
    return Field(json_schema_extra=_TIME, **more)


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, use_attribute_docstrings=True, allow_inf_nan=False, serialize_by_alias=True
    )


class Input(_Part):
    """One input; ``lines = rows + rejects`` of what this run read."""

    path: str
    reader: str
    """Name of the reader; ``none`` where there was nothing to read."""
    lines: int
    rows: int
    rejects: int
    known_lines: int = 0
    """Lines that the lake knew already, from an earlier run."""


class Ingest(_Part):
    """What ``ingest --json`` writes."""

    schema_: Literal["stillhunt.ingest/1"] = Field(default="stillhunt.ingest/1", alias="schema")
    inputs: list[Input]
    quarantine: list[str]
    """Files that name every reject."""


class Parameter(_Part):
    """A number that ``--set`` takes."""

    name: str
    default: int | float | str
    unit: str
    note: str


class Hunt(_Part):
    """A rule or detector."""

    name: str
    kind: Literal["rule", "detector"]
    family: str
    title: str
    needs: list[str]
    either: list[str]
    """One of these is enough."""
    uses: list[str]
    accounts: list[str] = []
    """Columns of the account directory that it needs."""
    version: int | None = None
    """Of a rule; null for a detector."""
    id: str | None = None
    """UUID of a rule, whatever it is called."""
    atlas: list[str] = []
    owasp: list[str] = []
    measured: str | None = None
    """What is known of a rule's precision and recall, in words."""
    parameters: list[Parameter]


class Rules(_Part):
    """What ``rules list --json`` writes."""

    schema_: Literal["stillhunt.rules/1"] = Field(default="stillhunt.rules/1", alias="schema")
    hunts: list[Hunt]


class Period(_Part):
    """First and last exchange, both null when there is none."""

    from_: str | None = _time(alias="from")
    to: str | None = _time()


class Totals(_Part):
    """Everything that was looked at."""

    exchanges: int
    accounts: int
    output_tokens: int | None
    """Null where no exchange told it."""


class Detector(_Part):
    """What one rule or detector could answer, and what it found."""

    name: str
    kind: Literal["rule", "detector"]
    family: str
    answered: Literal["yes", "partly", "no"]
    needs: list[str]
    """Columns without which it cannot answer."""
    uses: list[str]
    """Columns that sharpen its answer where they are there."""
    missing: list[str]
    """Columns that the source does not fill."""
    findings: int
    allowed: int
    """How many of the findings an ``[[allow]]`` entry covers."""
    seconds: float


class FindingLine(_Part):
    """One claim of one detector. Its severity is its rule's own and accuses nobody."""

    id: str = Field(json_schema_extra={"format": "uuid"})
    detector: str
    family: str
    severity: int = _SEVERITY
    subject: Figures
    peer: Figures | None
    statistic: float | None
    """Higher is more suspicious; for rules, times the bound."""
    p_value: float | None
    n: int
    """Exchanges that it rests on."""
    first_seen: str = _time()
    last_seen: str = _time()
    evidence: Figures
    allowed: str | None
    """Reason of the ``[[allow]]`` entry that covers it."""
    first_alert_at: str | None = _time()
    """First step of a replay at which it was found."""


class Account(_Part):
    """An account of severity 2 or more."""

    account_id: str
    severity: int = _SEVERITY
    score: float | None = None
    q_value: float | None = None
    campaign_id: str | None = None
    families: dict[str, float] = {}
    directory: dict[str, str] = {}
    """What the account directory says of it, columns of its own too."""


class Event(_Part):
    """A moment that everyone saw, from the event list."""

    ts: str = _time()
    kind: str
    name: str | None = None
    model: str | None = None


class Claim(_Part):
    """Evidence for or against a campaign."""

    family: str | None = None
    detector: str | None = None
    claim: str
    figures: Figures = {}


class Campaign(_Part):
    """Accounts that act as one."""

    id: str
    severity: int = _SEVERITY
    score: float | None = None
    confidence: float | None = None
    accounts: list[str]
    possible: list[str] = []
    families: dict[str, float] = {}
    exchanges: int = 0
    output_tokens: int | None = None
    models: dict[str, int] = {}
    first_seen: str | None = _time(default=None)
    last_seen: str | None = _time(default=None)
    first_alert_at: str | None = _time(default=None)
    evidence: list[Claim] = []
    counter_evidence: list[Claim] = []


class RejectLine(_Part):
    """A line that is no exchange, and why; never its text."""

    path: str
    line: int
    reason: str


class Report(_Part):
    """What one hunt found, and what it could not see."""

    schema_: Literal["stillhunt.report/1"] = Field(default="stillhunt.report/1", alias="schema")
    version: str
    created_at: str = _time()
    inputs: list[Input]
    period: Period
    totals: Totals
    detectors: list[Detector]
    findings: list[FindingLine]
    accounts: list[Account]
    campaigns: list[Campaign]
    rejects: list[RejectLine]
    """The first 1,000; all of them are in the quarantine file."""
    events: list[Event] = []
    notes: list[str] = []
    """What a reader of the findings has to know, in sentences."""


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``stillhunt.report/1``."""
    schema = Report.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": SCHEMA}
