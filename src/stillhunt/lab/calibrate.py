"""Fit the weights of campaign evidence on simulated populations, and count what honest ones score.

One logistic regression of accounts, with weights >= 0: each account stands in its best group, by
the weights so far, with what speaks for the group and for itself; fit, choose again, fit again.
Populations are split by whole kinds of campaigns: the scores of honest accounts come from fits
that have not seen the campaigns beside them.

Source: Bertsekas, Nonlinear Programming (1999), for projected gradients; Andrews, Tsochantaridis
and Hofmann, NIPS 15 (2003), for choosing the instance that speaks for a bag.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stillhunt.hunt.call import ingest
from stillhunt.hunt.campaigns.find import Hunted, find_campaigns
from stillhunt.hunt.campaigns.fusion import CLIP, GROUP, MEMBER, Weights, features, score, weights
from stillhunt.hunt.directory import load_directory, with_times
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.errors import InputError
from stillhunt.sketch.likelihood import Floats

__all__ = ["Population", "calibrate", "measure"]

RIDGE = 2e-3
"""How strongly weights are drawn to what is expected (``EXPECTED``) where the lab says little."""
EXPECTED = {"novelty": 1.0, "rhythm": 0.5, "volume": 1.0, "queue": 0.5, "identity": 0.5,
            "infrastructure": 0.3, "usage": 0.1, "standing": 0.5, "premises": 2.0, "agreed": 0.5,
            "calendar": 1.0}  # fmt: skip
STEPS, RATE = 250, 0.06
ROUNDS = 3
KEPT = 400
"""Largest honest scores that are kept one by one."""
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Population:
    """What one simulated population gave."""

    name: str
    campaigns: frozenset[str]
    groups: Mapping[str, Floats]
    """Features of the groups."""
    is_run: Bools
    """Whether most members of each group are attackers of one campaign."""
    members: Mapping[str, Floats]
    group_of: npt.NDArray[np.int64]
    is_attack: Bools
    """Of each member: whether any of its accounts is an attacker."""
    honest_tenants: int
    """All that sent something, in a group or not."""
    attackers: int
    hunted: Hunted


def measure(folder: Path) -> Population:
    """Hunt the population in *folder* and label what was found.

    Raises:
        InputError: There is no population, or none that can be hunted.
    """
    truth = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    attack = {t["account_id"]: t["campaign"] for t in truth if t["label"] == "attack"}
    logs = sorted(folder.glob("exchanges.jsonl*"))
    if not logs:
        raise InputError(f"{folder} holds no exchanges.jsonl; see stillhunt lab simulate")
    with tempfile.TemporaryDirectory(prefix="stillhunt-calibrate-") as place:
        lake = Path(place) / "lake"
        ingest([str(logs[0])], lake=lake, as_="native", config=HuntSettings())
        directory = with_times(load_directory(folder / "accounts.jsonl"))
        with Lake.open(lake).connect(None, None) as con:
            con.register("directory", directory)
            hunted = find_campaigns(con, directory)
    if hunted is None:
        raise InputError(f"{folder} has too few accounts to look for campaigns")
    ids = hunted.accounts.ids.to_pylist()
    bad = np.zeros(hunted.accounts.n_tenants, bool)
    bad[hunted.accounts.tenant[[name in attack for name in ids]]] = True
    members = hunted.groups.members
    is_attack = bad[members.account]
    share = np.bincount(members.group, is_attack, members.groups) / members.accounts_of
    of_groups, of_members = features(hunted.groups, hunted.evidence)
    return Population(
        name=folder.name,
        campaigns=frozenset(attack.values()),
        groups=of_groups,
        is_run=share > 0.5,  # noqa: PLR2004 - most
        members=of_members,
        group_of=members.group,
        is_attack=is_attack,
        honest_tenants=int((~bad).sum()),
        attackers=int(bad.sum()),
        hunted=hunted,
    )


def calibrate(populations: Sequence[Population]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the contents of ``weights.json``, and how well each kind of campaign was found.

    Args:
        populations: Of several kinds of campaigns; each kind is held out whole in turn.
    """
    scores, found, honest = [], [], 0
    for kinds in sorted({population.campaigns for population in populations}, key=sorted):
        rest = [p for p in populations if not p.campaigns & kinds] or list(populations)
        told = _fit(rest)
        for population in populations:
            if population.campaigns == kinds:
                good, bad = _scores(population, told)
                scores.append(good)
                honest += population.honest_tenants
                found.append((population, bad))
    ranked = np.sort(np.concatenate(scores)) if scores else np.zeros(0)
    above = len(ranked) - np.arange(len(ranked))
    keep = (above <= KEPT) | (np.arange(len(ranked)) % max(1, len(ranked) // KEPT) == 0)
    final = _fit(populations)
    content: dict[str, Any] = {
        "calibrated": True,
        "group": {name: round(value, 4) for name, value in final.group.items()},
        "member": {name: round(value, 4) for name, value in final.member.items()},
        "honest": {
            "scores": [round(float(s), 3) for s in ranked[keep]],
            "above": [int(a) for a in above[keep]],
            "total": honest,
        },
    }
    rows: list[dict[str, Any]] = [
        {
            "population": population.name,
            "campaigns": sorted(population.campaigns),
            "attackers": population.attackers,
            **{
                f"recall_at_fpr_{fpr:g}": float((bad > _bound(ranked, honest, fpr)).sum())
                / max(population.attackers, 1)
                for fpr in (1e-3, 1e-4)
            },
        }
        for population, bad in found
    ]
    return content, rows


def _bound(ranked: Floats, honest: int, fpr: float) -> float:
    """Return the score that a share *fpr* of all honest tenants exceeds at most."""
    allowed = int(fpr * honest)
    return float(ranked[-1 - allowed]) if allowed < len(ranked) else -np.inf


def _fit(populations: Sequence[Population]) -> Weights:
    told = weights()
    stacked = [
        np.column_stack(
            [_matrix(p.groups, GROUP)[p.group_of], _matrix(p.members, MEMBER)]
        )
        for p in populations
    ]  # fmt: skip
    for _ in range(ROUNDS):
        rows, labels = [], []
        for population, x in zip(populations, stacked, strict=True):
            best = _best_rows(population, told)
            rows.append(x[best])
            labels.append(population.is_attack[best])
        x, y = np.concatenate(rows), np.concatenate(labels)
        w = _logistic(x, y, np.array([EXPECTED.get(name, 0.0) for name in (*GROUP, *MEMBER)]))
        told = replace(
            told,
            group={"bias": float(w[-1])} | dict(zip(GROUP, map(float, w), strict=False)),
            member={"bias": 0.0} | dict(zip(MEMBER, map(float, w[len(GROUP) :]), strict=False)),
            is_calibrated=True,
        )
    return told


def _best_rows(population: Population, told: Weights) -> npt.NDArray[np.int64]:
    """Return the member of each tenant that scores highest."""
    found = score(population.hunted.groups, population.hunted.evidence, told).member
    who = population.hunted.groups.members.account
    order = np.lexsort((found, who))
    last: npt.NDArray[np.int64] = order[np.append(who[order][1:] != who[order][:-1], True)]
    return last


def _scores(population: Population, told: Weights) -> tuple[Floats, Floats]:
    """Return the best score of each honest tenant and of each attacking one, in any group."""
    found = score(population.hunted.groups, population.hunted.evidence, told).member
    best = _best_rows(population, told)
    bad = population.is_attack[best]
    return found[best][~bad], found[best][bad]


def _matrix(values: Mapping[str, Floats], names: Sequence[str]) -> Floats:
    return np.stack([values[name] for name in names], axis=1)


def _logistic(x: Floats, y: Bools, expected: Floats) -> Floats:
    """Return weights >= 0 and, last, a free bias, with every term clipped as in use.

    Adam with projection: after each step negative weights become 0. The clip has no slope
    beyond it, so what is clipped does not pull.
    """
    spread = np.abs(x).mean(axis=0) + 1e-9
    z = x / spread
    weight = np.where(y, 0.5 / max(int(y.sum()), 1), 0.5 / max(int((~y).sum()), 1))
    drawn = expected * spread
    w = np.append(drawn, 0.0)
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, STEPS + 1):
        terms = z * w[:-1]
        p = 1 / (1 + np.exp(-np.clip(np.clip(terms, -CLIP, CLIP).sum(axis=1) + w[-1], -30, 30)))
        pull = weight * (p - y)
        slopes = (np.where(np.abs(terms) < CLIP, z, 0.0) * pull[:, None]).sum(axis=0)
        grad = np.append(slopes + RIDGE * (w[:-1] - drawn), pull.sum())
        m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
        w -= RATE * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        w[:-1] = np.maximum(w[:-1], 0)
    return np.append(w[:-1] / spread, w[-1])
