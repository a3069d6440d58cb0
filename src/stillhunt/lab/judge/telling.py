"""A judgement in words, tables and pictures: what a person reads of it."""

from collections.abc import Iterable, Iterator, Mapping

from stillhunt.hunt.report.figures import DASH, compact
from stillhunt.lab.judge import drawings, shape
from stillhunt.lab.judge.page import Page, Section, Table

__all__ = ["beside", "page_of", "said", "sections", "share", "summary"]

OURS = "stillhunt"


def share(value: float | None, digits: int = 3) -> str:
    """Return a share with *digits* decimals, or a dash."""
    return DASH if value is None else f"{value:.{digits}f}"


def said(estimate: shape.Estimate | None) -> str:
    """Return an estimate with its interval, or a dash."""
    if estimate is None:
        return DASH
    if estimate.low is None or estimate.high is None:
        return share(estimate.value)
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def summary(judged: shape.Judgement) -> Iterator[str]:
    """Yield the most important figures, a line each."""
    people, found = judged.population, judged.campaigns
    yield (
        f"{people.attackers:,} attackers in {people.groups:,} groups, {people.honest:,} honest"
        f" accounts that sent something"
    )
    for one in judged.at_severity:
        if one.severity in {3, 4}:
            yield (
                f"severity {one.severity} or more: recall {said(one.recall)},"
                f" {one.honest:,} honest accused, precision"
                f" {share(one.precision_at['0.01'])} at a base rate of 1 %"
            )
    for rate in judged.score.at_fpr:
        if rate.is_measurable:
            yield f"recall at a false positive rate of {rate.fpr:g}: {said(rate.recall)}"
    false = len(found.false)
    yield f"{found.found} of {found.groups} groups found as one, {false} false campaigns"
    yield from (f"note: {note}" for note in judged.notes)


def page_of(judged: shape.Judgement, title: str = "Judgement") -> Page:
    """Return the page of one judgement."""
    people, score = judged.population, judged.score
    high = next(one for one in judged.at_severity if one.severity == 4)  # noqa: PLR2004 - high
    return Page(
        title=title,
        corner=f"base rate {people.base_rate:.2%}",
        lead=(
            f"{people.attackers:,} of {people.accounts:,} accounts that sent something attack,"
            f" in {people.groups:,} groups. At severity high the report accuses"
            f" {high.attackers:,} of them and {high.honest:,} honest accounts."
        ),
        notes=judged.notes,
        tiles=(
            _tile("recall at FPR 1e-3", score.at_fpr[0].recall),
            _tile("PR-AUC", score.pr_auc),
            ("found as one", f"{judged.campaigns.found} of {judged.campaigns.groups}", "groups"),
            ("honest at high", f"{high.honest:,}", f"at most {share(high.fpr_bound, 5)} (95 %)"),
        ),
        sections=tuple(sections(judged)),
    )


def _tile(name: str, estimate: shape.Estimate | None) -> tuple[str, str, str]:
    """Return a figure, and its interval below it."""
    if estimate is None:
        return name, DASH, "cannot be measured here"
    interval = said(estimate).partition(" ")[2]
    return name, share(estimate.value), f"{interval} 95 %" if interval else "no interval"


def sections(judged: shape.Judgement) -> Iterator[Section]:
    """Yield the chapters of a judgement."""
    curves = {OURS: judged.score.curve} | {b.title: b.score.curve for b in judged.baselines}
    trust = {"campaigns": judged.reliability.campaigns, "accounts": judged.reliability.accounts}
    yield Section(
        title="Accounts",
        note="Thresholds of a curve are chosen knowing the truth; those of a severity are not.",
        pictures=(drawings.roc(curves), drawings.reliability(trust)),
        tables=(beside({OURS: judged.score} | {b.title: b.score for b in judged.baselines}),
                _severities(judged.at_severity)),
    )  # fmt: skip
    yield Section(
        title="Honest accounts",
        note="How many of each kind are accused at each severity or more.",
        tables=(_honest(judged.honest),),
    )
    yield Section(
        title="Groups",
        note="Found as one: half of it or more in one campaign that is 90 % this group or more.",
        tables=(_groups(judged.groups), _false(judged.campaigns.false)),
    )
    parts = {"campaign": judged.by_campaign, "exchanges": judged.by_exchanges,
             "familiarity": judged.by_familiarity}  # fmt: skip
    yield Section(
        title="Parts of the attackers",
        tables=tuple(_parts(name, theirs) for name, theirs in parts.items() if theirs),
    )


def beside(scores: Mapping[str, shape.Score]) -> Table:
    """Return scores in one table."""
    return Table(
        head=("score", "PR-AUC", "recall at FPR 1e-3", "at 1e-4", "at none",
              "at precision 0.99, base rate 1 %", "0.1 %", "honest there"),
        rows=[
            (name, said(one.pr_auc), *(said(at.recall) for at in one.at_fpr),
             said(one.recall_at_zero), *(said(at.recall) for at in one.at_precision),
             f"{one.at_precision[0].false_accounts or 0:,}")
            for name, one in scores.items()
        ],
        title="Ours beside the baselines",
        note="In brackets 95 % bootstrap intervals over tenants and groups.",
    )  # fmt: skip


def _severities(levels: Iterable[shape.AtSeverity]) -> Table:
    return Table(
        head=("severity or more", "attackers", "honest", "recall", "FPR", "FPR at most (95 %)",
              "precision at 1 %", "at 0.1 %", "at least, at 1 %"),
        rows=[
            (str(one.severity), f"{one.attackers:,}", f"{one.honest:,}", said(one.recall),
             share(one.fpr.value if one.fpr else None, 5), share(one.fpr_bound, 5),
             share(one.precision_at["0.01"]), share(one.precision_at["0.001"]),
             share(one.precision_bound_at["0.01"]))
            for one in levels
        ],
        title="What the report accuses",
    )  # fmt: skip


def _honest(kinds: Iterable[shape.HonestKind]) -> Table:
    return Table(
        head=("kind", "accounts", "low", "medium", "high", "critical", "share medium",
              "share high"),
        rows=[
            (one.kind, f"{one.accounts:,}", *(f"{n:,}" for n in one.accused.values()),
             share(one.share_medium, 4), share(one.share_high, 4))
            for one in kinds
        ],
    )  # fmt: skip


def _groups(groups: Iterable[shape.Group]) -> Table:
    return Table(
        head=("group", "kind", "accounts", "found as one", "named", "purity", "completeness",
              "with possible", "pieces", "tokens", "before alert", "before containment"),
        rows=[
            (one.group, one.kind, f"{one.accounts:,}", "yes" if one.is_found else "no",
             f"{one.named:,}", share(one.purity), share(one.completeness), share(one.suspected),
             str(one.pieces), *_tokens(one.tokens))
            for one in groups
        ],
        title="Attacking groups",
    )  # fmt: skip


def _tokens(tokens: shape.Tokens | None) -> tuple[str, str, str]:
    if tokens is None:
        return DASH, DASH, DASH
    early, late = tokens.share_before_alert, tokens.share_before_containment
    return compact(tokens.in_all), share(early, 4), share(late, 4)


def _false(campaigns: Iterable[shape.FalseCampaign]) -> Table:
    return Table(
        head=("campaign", "severity", "honest", "attackers", "unknown", "kinds"),
        rows=[
            (one.id, str(one.severity), f"{one.honest:,}", f"{one.attackers:,}",
             f"{one.strangers:,}", ", ".join(f"{n} {kind}" for kind, n in one.kinds.items()))
            for one in campaigns
        ],
        title="Campaigns that are none",
    )  # fmt: skip


def _parts(name: str, parts: Iterable[shape.Part]) -> Table:
    return Table(
        head=(name, "attackers", "recall at FPR 1e-3", "at 1e-4", "at medium", "at high"),
        rows=[
            (one.name, f"{one.accounts:,}", *(share(r) for r in one.recall_at_fpr.values()),
             share(one.recall_at_severity["3"]), share(one.recall_at_severity["4"]))
            for one in parts
        ],
        title=f"By {name}",
    )  # fmt: skip
