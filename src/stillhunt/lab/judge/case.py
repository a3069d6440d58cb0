"""One population and what was said of it, put together; cases of several seeds can be pooled.

A case is everything that a judgement is worked out from, and small: one row an account, one
line a group. It can be kept and read again, so that a grid of cells is resumed and pooled.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillhunt.hunt.report.figures import rfc3339
from stillhunt.lab.judge import shape
from stillhunt.lab.judge.accounts import Accounts, accounts_of, pooled
from stillhunt.lab.judge.contest import Contest
from stillhunt.lab.judge.exchanges import Exchanges, stage
from stillhunt.lab.judge.figures import recalls
from stillhunt.lab.judge.groups import MOST, FalseCampaign, Match, false_campaigns, match
from stillhunt.lab.judge.metrics import Floats
from stillhunt.lab.judge.said import CampaignSaid, Said, read_report
from stillhunt.lab.judge.taken import Taken, harmed, taken
from stillhunt.lab.judge.truth import Known, read_truth

__all__ = ["Case", "Rules", "case_of", "pooled_cases", "put_together"]

HOUR_US = 3_600_000_000
RIVAL = "baseline/"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What counts as telling, and how fast somebody acts."""

    least_severity: int = 3
    """A campaign below it names nobody: medium, as severity has it."""
    reaction_us: int = HOUR_US
    """From an alert until the named accounts are stopped [us]; an hour is a guess at a night."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """What a judgement is worked out from."""

    accounts: Accounts
    rivals: Mapping[str, Floats]
    """Scores of the baselines."""
    titles: Mapping[str, str]
    groups: tuple[shape.Group, ...]
    false: tuple[shape.FalseCampaign, ...]
    claims: tuple[tuple[float, bool], ...]
    """Confidence of each campaign, and whether it is mostly one attacking group's."""
    known: int
    strangers: int
    activity: str
    least_severity: int
    honest_tokens_stopped: int | None

    def keep(self, folder: Path) -> None:
        """Write the case to *folder*: ``accounts.parquet`` and ``case.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        table = self.accounts.table()
        for name, scores in self.rivals.items():
            table = table.append_column(RIVAL + name, pa.array(scores))
        pq.write_table(table, folder / "accounts.parquet")
        rest = {
            "titles": dict(self.titles),
            "groups": [one.model_dump(mode="json") for one in self.groups],
            "false": [one.model_dump(mode="json") for one in self.false],
            "claims": [list(one) for one in self.claims],
            "known": self.known, "strangers": self.strangers, "activity": self.activity,
            "least_severity": self.least_severity,
            "honest_tokens_stopped": self.honest_tokens_stopped,
        }  # fmt: skip
        (folder / "case.json").write_text(json.dumps(rest) + "\n", encoding="utf-8")

    @classmethod
    def kept(cls, folder: Path) -> "Case":
        """Return the case that ``keep`` wrote."""
        table = pq.read_table(folder / "accounts.parquet")
        rest: dict[str, Any] = json.loads((folder / "case.json").read_text(encoding="utf-8"))
        return cls(
            accounts=Accounts.from_table(table),
            rivals={
                name.removeprefix(RIVAL): table[name].to_numpy()
                for name in table.column_names
                if name.startswith(RIVAL)
            },
            groups=tuple(shape.Group.model_validate(one) for one in rest.pop("groups")),
            false=tuple(shape.FalseCampaign.model_validate(one) for one in rest.pop("false")),
            claims=tuple((one[0], one[1]) for one in rest.pop("claims")),
            **rest,
        )


def put_together(
    report: str | Path, truth: str | Path, exchanges: str | Path | None = None, *,
    with_baselines: bool = True, rules: Rules = Rules(),
) -> Case:  # fmt: skip
    """Read a report and the truth, and the exchanges where they are given.

    Without exchanges, everybody counts as active and as its own tenant, and there are neither
    tokens nor baselines.

    Raises:
        InputError: A file cannot be read, or a line of it means nothing.
    """
    said, known = read_report(report), read_truth(truth)
    if exchanges is None:
        return case_of(said, known, rules=rules)
    with tempfile.TemporaryDirectory(prefix="stillhunt-judge-") as folder:
        contest = Contest() if with_baselines else None
        sent = stage(exchanges, known, Path(folder), contest)
        return case_of(said, known, sent=sent, contest=contest, rules=rules)


def case_of(
    said: Said, known: Mapping[str, Known], *, sent: Exchanges | None = None,
    contest: Contest | None = None, rules: Rules = Rules(),
) -> Case:  # fmt: skip
    """Put a report, the truth and what was sent together.

    Args:
        said: The report.
        known: The truth; the places of its accounts are their codes in *sent*.
        sent: The exchanges, staged.
        contest: The baselines, which have read them.
        rules: What counts as telling.
    """
    if sent is None:
        return _case(accounts_of(known, said), said, known, rules, sent=None, rivals={}, titles={})
    codes = {account: at for at, account in enumerate(known)}
    accounts = accounts_of(
        known,
        said,
        exchanges=dict(zip(known, sent.sent.exchanges.tolist(), strict=True)),
        tenants={a: org for a, org in zip(known, sent.sent.org, strict=True) if org},
    )
    rivals = {} if contest is None else _rivals(contest, sent, accounts, known, codes)
    titles = {} if contest is None else contest.titles()
    return _case(accounts, said, known, rules, sent=sent, rivals=rivals, titles=titles)


def _rivals(
    contest: Contest, sent: Exchanges, accounts: Accounts, known: Mapping[str, Known],
    codes: Mapping[str, int],
) -> dict[str, Floats]:  # fmt: skip
    """Return the scores of the baselines for the accounts that are judged."""
    is_honest = np.array([not one.is_attack for one in known.values()])
    places = np.array([codes[account] for account in accounts.ids])
    return {name: s[places] for name, s in contest.scores(sent, is_honest).items()}


def _case(
    accounts: Accounts, said: Said, known: Mapping[str, Known], rules: Rules, *,
    sent: Exchanges | None, rivals: Mapping[str, Floats], titles: Mapping[str, str],
) -> Case:  # fmt: skip
    told = [one for one in said.campaigns if one.severity >= rules.least_severity]
    tokens: Mapping[str, Taken] = {}
    stopped = None
    if sent is not None:
        codes = {account: at for at, account in enumerate(known)}
        limits: dict[str, int] = {
            "least_severity": rules.least_severity, "reaction_us": rules.reaction_us,
        }  # fmt: skip
        tokens = taken(accounts, said, sent, codes, **limits)
        stopped = harmed(accounts, said, sent, codes, **limits)
    present = set(accounts.ids)
    named = {one.account_id for one in said.accounts}
    named |= {account for one in said.campaigns for account in one.accounts}
    return Case(
        accounts=accounts,
        rivals=rivals,
        titles=titles,
        groups=tuple(
            _group(accounts, one, tokens.get(one.group)) for one in match(accounts, told)
        ),
        false=tuple(_false(one) for one in false_campaigns(accounts, told)),
        claims=tuple(_claims(accounts, said.campaigns)),
        known=len(known),
        strangers=len(named - present),
        activity="truth" if sent is None else "exchanges",
        least_severity=rules.least_severity,
        honest_tokens_stopped=stopped,
    )


def _group(accounts: Accounts, one: Match, tokens: Taken | None) -> shape.Group:
    return shape.Group(
        group=one.group,
        campaign=one.campaign,
        kind=one.kind,
        accounts=one.members,
        is_found=one.is_found,
        found_as=one.best.id if one.best else None,
        severity=one.best.severity if one.best else None,
        named=one.named,
        purity=one.purity,
        completeness=one.completeness,
        suspected=one.suspected,
        pieces=one.pieces,
        recall_at_severity=recalls(accounts, accounts.is_attack & (accounts.group == one.group)),
        tokens=None if tokens is None else _tokens(tokens),
    )


def _tokens(tokens: Taken) -> shape.Tokens:
    whole = tokens.in_all
    return shape.Tokens(
        in_all=whole,
        before_alert=tokens.before_alert,
        before_containment=tokens.before_containment,
        share_before_alert=tokens.before_alert / whole if whole else None,
        share_before_containment=tokens.before_containment / whole if whole else None,
        first_alert_at=rfc3339(tokens.first_alert_us),
    )


def _false(one: FalseCampaign) -> shape.FalseCampaign:
    return shape.FalseCampaign(
        id=one.said.id,
        severity=one.said.severity,
        honest=one.honest,
        attackers=one.attackers,
        strangers=one.strangers,
        kinds=dict(one.kinds),
    )


def _claims(accounts: Accounts, said: Sequence[CampaignSaid]) -> list[tuple[float, bool]]:
    """Return the confidence of each campaign, and whether it is mostly one group's."""
    attack = accounts.take(accounts.is_attack)
    group = dict(zip(attack.ids, attack.group, strict=True))
    claims = []
    for one in said:
        if one.confidence is None or not one.accounts:
            continue
        named = [group.get(account) for account in {*one.accounts}]
        most = max((named.count(g) for g in {*named} if g is not None), default=0)
        claims.append((one.confidence, most > MOST * len(named)))
    return claims


def pooled_cases(many: Mapping[str, Case], tenants: Mapping[str, str] | None = None) -> Case:
    """Join cases that know nothing of each other.

    Args:
        many: Name of a population -> its case; a baseline that only some have is left out.
        tenants: See ``accounts.pooled``.
    """
    cases = list(many.values())
    shared = [name for name in cases[0].rivals if all(name in one.rivals for one in cases)]
    stopped = [one.honest_tokens_stopped for one in cases]
    return Case(
        accounts=pooled({name: one.accounts for name, one in many.items()}, tenants),
        rivals={name: np.concatenate([one.rivals[name] for one in cases]) for name in shared},
        titles=cases[0].titles,
        groups=tuple(
            group.model_copy(update={"group": f"{name}/{group.group}"})
            for name, one in many.items()
            for group in one.groups
        ),
        false=tuple(false for one in cases for false in one.false),
        claims=tuple(claim for one in cases for claim in one.claims),
        known=sum(one.known for one in cases),
        strangers=sum(one.strangers for one in cases),
        activity=cases[0].activity,
        least_severity=cases[0].least_severity,
        honest_tokens_stopped=None if None in stopped else sum(one or 0 for one in stopped),
    )
