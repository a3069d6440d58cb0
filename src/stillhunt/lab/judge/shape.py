"""The shape of ``stillhunt.judgement/1``: what ``lab judge --json`` writes, and its schema.

Readers must accept keys that they do not know: keys are added without a new schema number, and
only removed or changed with one. A figure that cannot be had is null, and ``notes`` says why.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AtPrecision", "AtRate", "AtSeverity", "Baseline", "Campaigns", "Estimate",
           "FalseCampaign", "Group", "HonestKind", "Judgement", "Part", "Population", "QValues",
           "Reliability", "ReliabilityBin", "Score", "Tokens", "judgement_schema"]  # fmt: skip

SCHEMA = "stillhunt.judgement/1"


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, use_attribute_docstrings=True, allow_inf_nan=False, serialize_by_alias=True
    )


class Estimate(_Part):
    """A figure with its 95 % bootstrap interval over tenants and groups."""

    value: float
    low: float | None = None
    """Null where there are too few groups or tenants to draw from."""
    high: float | None = None


class Population(_Part):
    """Who was judged."""

    known: int
    """Accounts of the truth."""
    accounts: int
    """Those of them that sent something; all figures are over these."""
    attackers: int
    honest: int
    distinct_honest: int
    """The same, but an account that was judged beside several campaigns counts once: bounds of
    rates rest on these."""
    base_rate: float
    """Share of attackers."""
    tenants: int
    """Organisations and single accounts among the honest."""
    groups: int
    """Attacking groups of two accounts or more."""
    strangers: int
    """Accounts of the report that the truth does not know, or that sent nothing."""
    activity: Literal["exchanges", "truth"]
    """What told who sent something; ``truth`` takes everybody for active."""


class AtRate(_Part):
    """The most recall while no more than *fpr* of the honest accounts are accused."""

    fpr: float
    is_measurable: bool
    """Whether there are enough honest accounts to see a rate so small."""
    honest_needed: int
    recall: Estimate | None
    false_accounts: int | None
    threshold: float | None
    """Lowest score accused; null also where it is that of an account without a q-value."""


class AtPrecision(_Part):
    """The most recall at a precision of *precision* or more, were *base_rate* attackers."""

    base_rate: float
    precision: float
    recall: Estimate | None
    false_accounts: int | None
    fpr_bound: float | None
    """95 % upper bound of the rate of honest accounts accused there, Clopper-Pearson."""
    precision_bound: float | None
    """Precision if that bound were the rate: what may be claimed from so many honest accounts."""
    threshold: float | None


class Score(_Part):
    """How well one score ranks the accounts; thresholds are chosen knowing the truth."""

    scored: int
    """Accounts that have a score at all."""
    pr_auc: Estimate | None
    """Average precision, at the population's own base rate."""
    pr_auc_at: dict[str, float | None]
    """The same at other base rates."""
    roc_auc: float | None
    recall_at_zero: Estimate | None
    """Recall before the first honest account is accused."""
    at_fpr: list[AtRate]
    at_precision: list[AtPrecision]
    curve: list[tuple[float, float]]
    """ROC: (share of honest, share of attackers), thinned to 200 corners."""


class Baseline(_Part):
    """A simple score beside ours."""

    name: str
    title: str
    score: Score


class AtSeverity(_Part):
    """What the report itself accuses: accounts of this severity or more."""

    severity: int = Field(ge=1, le=5)
    attackers: int
    honest: int
    recall: Estimate | None
    fpr: Estimate | None
    fpr_bound: float | None
    precision: float | None
    """In this population."""
    precision_at: dict[str, float | None]
    """By base rate."""
    precision_bound_at: dict[str, float | None]
    """The same if the rate of honest accounts were at its 95 % upper bound."""


class HonestKind(_Part):
    """Honest accounts of one kind, and those of them accused at each severity or more."""

    kind: str
    accounts: int
    accused: dict[str, int]
    share_medium: float
    share_high: float
    score: float | None
    """Highest score of one of them; null where none has any."""


class Part(_Part):
    """Recall over some of the attackers, against all honest accounts."""

    name: str
    accounts: int
    recall_at_fpr: dict[str, float | None]
    recall_at_severity: dict[str, float]


class Tokens(_Part):
    """Output tokens of a group."""

    in_all: int
    before_alert: int
    before_containment: int
    share_before_alert: float | None
    share_before_containment: float | None
    first_alert_at: str | None


class Group(_Part):
    """What became of accounts that act as one."""

    group: str
    campaign: str
    kind: str
    accounts: int
    is_found: bool
    """Found as one: half of it or more in a campaign that is 90 % this group or more."""
    found_as: str | None
    """Id of the campaign that holds most of it."""
    severity: int | None
    named: int
    purity: float
    completeness: float
    suspected: float
    """Completeness with the accounts listed as possible."""
    pieces: int
    """Campaigns that are mostly this group."""
    recall_at_severity: dict[str, float]
    tokens: Tokens | None


class FalseCampaign(_Part):
    """A campaign of which half or more is not attacking."""

    id: str
    severity: int
    honest: int
    attackers: int
    strangers: int
    kinds: dict[str, int]


class Campaigns(_Part):
    """Whether groups were found as one."""

    groups: int
    found: int
    least_severity: int
    """Campaigns below this severity were not counted."""
    purity: float | None
    """Mean over the groups of which anything was named."""
    completeness: float | None
    """Mean over all groups."""
    false: list[FalseCampaign]


class ReliabilityBin(_Part):
    """Claims of similar confidence."""

    low: float
    high: float
    claims: int
    said: float
    true: float
    true_low: float
    true_high: float


class QValues(_Part):
    """Accounts named at a false discovery rate, and how many of them are honest."""

    bound: float
    accounts: int
    honest: int
    share: float


class Reliability(_Part):
    """Whether what was said with confidence was true as often."""

    campaigns: list[ReliabilityBin]
    """Confidence of campaigns; true is a campaign that is mostly one attacking group's."""
    accounts: list[ReliabilityBin]
    """Scores of accounts with a q-value, taken as log-odds."""
    expected_error: float | None
    brier: float | None
    q_values: list[QValues]


class Judgement(_Part):
    """How a hunt did against the truth."""

    schema_: Literal["stillhunt.judgement/1"] = Field(
        default="stillhunt.judgement/1", alias="schema"
    )
    version: str
    population: Population
    score: Score
    at_severity: list[AtSeverity]
    honest: list[HonestKind]
    """The most accused kind first."""
    campaigns: Campaigns
    groups: list[Group]
    by_campaign: list[Part]
    by_exchanges: list[Part]
    """Attackers by the number of their exchanges."""
    by_familiarity: list[Part]
    """Campaign types that the hunt was fitted on, and those that it was not."""
    honest_tokens_stopped: int | None
    """Output tokens that honest accounts would have lost, were every named account stopped."""
    reliability: Reliability
    baselines: list[Baseline]
    notes: list[str]


def judgement_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``stillhunt.judgement/1``."""
    schema = Judgement.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": SCHEMA}
