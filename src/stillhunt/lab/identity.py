"""Who accounts say they are: directory records with the gaps that real directories have.

One ``Identity`` describes a set of accounts; the common ones are ready below. A third of all
accounts has neither card nor phone on file, because credits and invoices need none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from stillhunt.lab.accounts import DIRECTORY, fingerprint
from stillhunt.lab.arrivals import DAY_S, FloatArray
from stillhunt.lab.grammar import IntArray

__all__ = [
    "AGED",
    "AMATEUR",
    "BUSINESS",
    "BUSINESS_USES",
    "CARD_EACH",
    "ONE_CARD",
    "PERSON",
    "SIGNUP_BURST",
    "USES",
    "Identity",
    "members",
    "records",
]

USES = ("personal", "writing", "study", "coding", "unknown")
BUSINESS_USES = ("customer support", "document processing", "retail", "media", "moderation")
LEVELS = {"basic": "email", "person": "phone", "organisation": "business", "contract": "contract"}
UNPAID = 1 / 3  # share of accounts on credits or invoices, with neither card nor phone on file
YOUNG = 1.5  # exponent of ages: above 1, because services grow and most accounts are recent
SETTLED_S = 3600  # the youngest account that is not part of a burst
FEW = 6  # accounts on one card where a few cards are shared
HOSTS = 40  # mail providers for everybody; the first five have most of the accounts
# Local parts as a directory keeps them: f and l stand for a first and a last name, i for an
# initial, d for a digit; every letter is then written as "a" and every digit as "9".
FREE = ("f.l", "fl", "fldd", "il", "f_l", "fdddd", "l.fdd", "fl.l", "ildd", "fd", "lf", "f-ldddd")
OWN = ("f.l", "f.l", "il", "f", "l")
FIRST, LAST = (3, 9), (4, 11)  # letters of a name: at least, below


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How the accounts of one actor look in the directory."""

    tiers: tuple[str, ...] = ("basic", "person", "person")
    uses: tuple[str, ...] = USES
    oldest_days: float = 900
    """Accounts are up to this old at the start [days]."""
    youngest_days: float = 0
    burst_h: float = 0
    """Accounts of a group signed up within this time; 0 for each on its own day [hours]."""
    card: Literal["each", "one", "few", "org"] = "each"
    """Who shares a card: nobody, the group, ``FEW`` of a group, the organisation."""
    device: Literal["each", "few", "one", "none"] = "each"
    email: Literal["free", "own", "scripted", "school"] = "free"
    """``own``: a domain for each organisation or account; ``scripted``: one pattern for each
    group at few providers; ``school``: one domain for each group."""
    member: float = 0
    """Share of accounts that belong to an organisation."""
    team: int = 8
    """Mean accounts of one organisation."""
    unpaid: float = UNPAID


PERSON = Identity(member=0.25)
BUSINESS = Identity(
    tiers=("organisation", "organisation", "contract"), uses=BUSINESS_USES, card="org",
    device="none", email="own", member=1, team=2,
)  # fmt: skip
AMATEUR = Identity(
    tiers=("basic", "person"), uses=("research", "education", "personal"), oldest_days=3
)
ONE_CARD = Identity(card="one", device="few", oldest_days=120)
CARD_EACH = Identity(oldest_days=120)
SIGNUP_BURST = Identity(
    tiers=("basic",), burst_h=6, card="few", device="few", email="scripted", oldest_days=20
)
AGED = Identity(oldest_days=900, youngest_days=180)


def members(
    identity: Identity, seed: int, name: str, count: int, groups: IntArray | None = None
) -> list[str | None]:
    """Return the organisation of each account, None for private ones.

    With *groups*, the accounts of a group that belong to an organisation have the same one.
    """
    rng = np.random.default_rng([seed, 41, _number(name)])
    drawn = rng.integers(0, max(1, count // identity.team), count)
    member = rng.random(count) < identity.member
    which = (drawn if groups is None else groups).tolist()
    return [
        f"org_{fingerprint(seed, name, g, size=5)}" if m else None
        for g, m in zip(which, member.tolist(), strict=True)
    ]


def records(
    identity: Identity,
    ids: Sequence[str],
    countries: Sequence[str],
    *,
    seed: int,
    name: str,
    start_s: int,
    groups: IntArray | None = None,
    orgs: Sequence[str | None] | None = None,
) -> list[dict[str, Any]]:
    """Return one record for each account, with the keys of ``DIRECTORY``.

    The same arguments give the same records; the crowd asks twice.

    Args:
        identity: How they look.
        ids: Account ids.
        countries: The country of each account.
        seed: Where chance comes from, together with *name*.
        name: The actor's name.
        start_s: First moment of the simulation, before which all signed up [s since epoch].
        groups: Number of each account's group, for what a group shares; default all are one.
        orgs: Organisation of each account; default ``members``.
    """
    rng = np.random.default_rng([seed, 42, _number(name)])
    count = len(ids)
    together = np.zeros(count, dtype=np.int64) if groups is None else groups
    org = members(identity, seed, name, count, groups) if orgs is None else orgs
    ages = _ages(rng, identity, together).astype(np.int64)
    unpaid = (rng.random(count) < identity.unpaid).tolist()
    tiers = [identity.tiers[i] for i in rng.integers(0, len(identity.tiers), count)]
    uses = [identity.uses[i] for i in rng.integers(0, len(identity.uses), count)]
    cards = _holders(identity.card, together, org, ids)
    devices = _holders(identity.device, together, org, ids)
    mail = _mail(rng, identity, seed, name, together, org, ids)
    found = []
    for i, account in enumerate(ids):
        tier = tiers[i]
        proven = tier == "person" and not unpaid[i]
        values = (
            account, str(np.datetime64(start_s - int(ages[i]), "s")) + "Z", org[i], tier, uses[i],
            None if unpaid[i] else fingerprint(seed, name, cards[i], "card", size=8),
            None if unpaid[i] else fingerprint(account, "phone", size=8),
            None if identity.device == "none"
            else fingerprint(seed, name, devices[i], "device", size=8),
            *mail[i], countries[i], "none" if unpaid[i] and tier == "basic" else LEVELS[tier],
            f"subj_{fingerprint(account, 'subject', size=6)}" if proven else None,
        )  # fmt: skip
        found.append(dict(zip(DIRECTORY, values, strict=True)))
    return found


def _number(name: str) -> int:
    return int(fingerprint(name, size=4), 16)


def _ages(rng: np.random.Generator, identity: Identity, groups: IntArray) -> FloatArray:
    """Return how old each account is [s]."""
    spread = (identity.oldest_days - identity.youngest_days) * DAY_S
    least = identity.youngest_days * DAY_S + SETTLED_S
    own: FloatArray = least + spread * rng.random(len(groups)) ** YOUNG
    if not identity.burst_h:
        return own
    moments = least + spread * rng.random(int(groups.max(initial=0)) + 1) ** YOUNG
    together: FloatArray = moments[groups] + 3600 * identity.burst_h * rng.random(len(groups))
    return together


def _holders(
    how: str, groups: IntArray, orgs: Sequence[str | None], ids: Sequence[str]
) -> list[object]:
    """Return whose card or device each account uses."""
    if how == "org":
        return [org or account for org, account in zip(orgs, ids, strict=True)]
    if how == "one":
        return list(groups.tolist())
    if how == "few":
        return [f"{g}/{i // FEW}" for i, g in enumerate(groups.tolist())]
    return list(ids)


def _mail(
    rng: np.random.Generator,
    identity: Identity,
    seed: int,
    name: str,
    groups: IntArray,
    orgs: Sequence[str | None],
    ids: Sequence[str],
) -> list[tuple[str, str]]:
    """Return domain and pattern of each account's address."""
    count = len(ids)
    hosts = np.minimum(rng.geometric(0.25, count), HOSTS)
    first, last = rng.integers(*FIRST, count), rng.integers(*LAST, count)
    free, own = rng.integers(0, len(FREE), count), rng.integers(0, len(OWN), count)
    found = []
    for i, group in enumerate(groups.tolist()):
        shape = FREE[free[i]]
        domain = f"mail{hosts[i]}.example.net"
        f, m = int(first[i]), int(last[i])
        if identity.email == "scripted":
            script = int(fingerprint(seed, name, group, size=2), 16)
            shape, f, m = "fdddd" if script % 2 else "fldd", 5 + script % 5, 4 + script % 3
            domain = f"mail{3 + script % 3 + i % 2}.example.net"
        elif identity.email == "school":
            domain = f"school{fingerprint(seed, name, group, size=3)}.example.org"
            shape = OWN[own[i]]
        elif identity.email == "own" or orgs[i]:
            owner = orgs[i] or ids[i]
            domain, shape = f"{owner.split('_')[-1]}.example.com", OWN[own[i]]
        found.append((domain, _pattern(shape, f, m)))
    return found


def _pattern(shape: str, first: int, last: int) -> str:
    letters = {"f": "a" * first, "l": "a" * last, "i": "a", "d": "9"}
    return "".join(letters.get(sign, sign) for sign in shape)
