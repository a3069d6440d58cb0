"""From evidence to log-odds, of groups and of their members; weights are data, fitted in the lab.

``weights.json`` beside this file says how much each family counts. Every weight is >= 0: more
of a statistic never makes an account look better. Every term is clipped to CLIP nats, so that
no family convicts alone, whatever somebody makes it say. The file also has the scores of honest
accounts of populations that the weights were not fitted on, from which p-values come.

Source: Shafer and Vovk, A tutorial on conformal prediction, JMLR 9 (2008), for the p-values;
Benjamini and Hochberg, J. R. Stat. Soc. B 57 (1995), for the q-values.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from stillhunt.hunt.campaigns.evidence import FAMILIES, FEATURES, Evidence
from stillhunt.hunt.campaigns.groups import Groups
from stillhunt.sketch.likelihood import Floats

__all__ = [
    "AGREED",
    "CLIP",
    "Scores",
    "Weights",
    "features",
    "p_values",
    "q_values",
    "score",
    "weights",
]

CLIP = 4.0
"""No term of a sum of log-odds is larger, either way [nats]."""
AGREED = "agreed"
"""Who the members say they are and what they use, both alike: the smaller of the two. An office
or a class is alike in one, and what it shares beside that is its roof."""
GROUP = (*FEATURES, AGREED, "size", "effort")
"""Features of a group."""
MEMBER = (*FEATURES, AGREED, "effort")
"""Features of a member."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """How evidence is added up."""

    group: Mapping[str, float]
    """Weight of each of GROUP, and ``bias`` [nats]."""
    member: Mapping[str, float]
    """Weight of each of MEMBER, and ``bias``."""
    honest: Floats
    """Scores of honest accounts, ascending; the largest ones one by one, the rest thinned."""
    honest_above: Floats
    """How many honest accounts of the lab have at least the score beside."""
    honest_total: int
    is_calibrated: bool
    """Without calibration nobody stands above low."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What it comes to."""

    group: Floats
    """Log-odds of each group, shape (groups,) [nats]."""
    group_terms: Mapping[str, Floats]
    """What each feature adds to it."""
    member: Floats
    """Log-odds of each member, shape (members,) [nats]."""
    member_terms: Mapping[str, Floats]
    """What each family adds to it, group and own evidence together."""


@cache
def weights() -> Weights:
    """Return the weights that are shipped."""
    text = files("stillhunt.hunt.campaigns").joinpath("weights.json").read_text(encoding="utf-8")
    raw = json.loads(text)
    honest = raw["honest"]
    return Weights(
        group=raw["group"],
        member=raw["member"],
        honest=np.array(honest["scores"], np.float64),
        honest_above=np.array(honest["above"], np.float64),
        honest_total=int(honest["total"]),
        is_calibrated=bool(raw["calibrated"]),
    )


def features(groups: Groups, evidence: Evidence) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return the features of groups and of members, by name."""
    members = groups.members
    of_groups = dict(evidence.of_groups) | {
        "size": np.log(np.maximum(members.accounts_of, 1) / 4),
        "effort": np.log(np.maximum(members.n_of / np.maximum(members.accounts_of, 1), 1.0)),
    }
    of_members = dict(evidence.of_members) | {"effort": np.log(members.n.astype(np.float64))}
    for one in (of_groups, of_members):
        one[AGREED] = np.maximum(np.minimum(one["identity"], one["infrastructure"]), 0.0)
    return of_groups, of_members


def score(groups: Groups, evidence: Evidence, told: Weights) -> Scores:
    """Return the log-odds of every group and member."""
    of_groups, of_members = features(groups, evidence)
    members = groups.members
    group_terms = {n: _term(told.group[n], of_groups[n]) for n in GROUP}
    group = told.group["bias"] + sum(group_terms.values(), np.zeros(members.groups))
    own = {n: _term(told.member[n], of_members[n]) for n in MEMBER}
    member = told.member["bias"] + sum(own.values(), np.zeros(len(members)))
    member = member + group[members.group]
    both = {family: np.zeros(len(members)) for family in FAMILIES}
    for name, family in FEATURES.items():
        both[family] = both[family] + group_terms[name][members.group] + own[name]
    for family in ("identity", "infrastructure"):
        agreed = group_terms[AGREED][members.group] + own[AGREED]
        both[family] = both[family] + agreed / 2
    both = {family: np.clip(values, -CLIP, CLIP) for family, values in both.items()}
    return Scores(group=group, group_terms=group_terms, member=member, member_terms=both)


def _term(weight: float, values: Floats) -> Floats:
    term: Floats = np.clip(weight * values, -CLIP, CLIP)
    return term


def p_values(scores: Floats, told: Weights) -> Floats:
    """Return how often an honest account of the lab scores as high, shape of *scores*."""
    place = np.searchsorted(told.honest, scores, side="left")
    above = np.append(told.honest_above, 0.0)[place]
    p: Floats = (above + 1.0) / (told.honest_total + 1.0)
    return p


def q_values(p: Floats, tests: int) -> Floats:
    """Return the smallest false discovery rate at which each of *p* counts.

    Args:
        p: Of the accounts that have a score.
        tests: Accounts in all; those without a score have p = 1.
    """
    order = np.argsort(p)
    raw = p[order] * max(tests, 1) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return q
