"""Scenes of pools: many addresses, many accounts, hot standby, pivots, plans, sign-ups.

The bounds are those of ``population.TOLD``; each scene holds one exactly and by one more.
"""

from collections.abc import Iterator, Mapping

from scenes import DAY, HOUR, MINUTE, SECOND, START_US, UNTIL_US, Row, block, exchange

__all__ = ["pooled_accounts", "pools"]


def pools() -> Iterator[Row]:
    """Yield every scene."""
    yield from _addresses()
    yield from _accounts()
    yield from _failovers()
    yield from _pivots()
    yield from _signatures()
    yield from _plans()
    yield from _clocks()


def _addresses() -> Iterator[Row]:
    """Yield accounts of 5 or 6 addresses in 3 or 4 networks, some of them in clouds."""
    for name, addresses, networks, clouds in (
        ("addresses-at", 5, 4, 0), ("addresses-over", 6, 4, 0), ("networks-at", 6, 3, 0),
        ("clouds-at", 7, 4, 5), ("clouds-over", 7, 4, 6),
    ):  # fmt: skip
        for k in range(addresses):
            kind = "hosting" if k < clouds else (None, "mobile")[k % 2]
            for again in range(2):  # the same address counts once
                ip = f"2001:db8:{0x100 + k % networks:x}::{k + 1:x}"
                yield exchange(START_US + k * HOUR + again, name, ip, network_kind=kind)
    for k in range(6):  # too many on two days, enough on none
        yield exchange(START_US + DAY + (k - 3) * SECOND, "midnight", block(0x110 + k))


def _accounts() -> Iterator[Row]:
    """Yield addresses of 4 or 5 accounts, in every kind of network."""
    for number, (n, kind) in enumerate((
        (4, None), (5, None), (5, "nat"), (5, "cloud"), (6, "satellite"),
    )):  # fmt: skip
        for k in range(n):
            known = kind if k == 0 else None  # one request that knows is enough
            for again in range(2):
                moment = START_US + DAY + k * MINUTE + again
                yield exchange(moment, f"shared-{k}", block(0x120 + number), network_kind=known)


def _failovers() -> Iterator[Row]:
    """Yield an account refused and others that step in, in time and by a microsecond too late.

    At each address two of them have to be in time. The ids decide who was first in a
    microsecond.
    """
    start, within = START_US + 2 * DAY + HOUR, 10 * SECOND
    for number, (gap, status, answer, back) in enumerate((
        (within, 429, 200, None), (within + 1, 429, 200, None), (0, 401, 200, None),
        (SECOND, 403, 399, None), (SECOND, 402, 400, None), (SECOND, 400, 200, None),
        (SECOND, 429, 200, HOUR), (SECOND, 429, 200, HOUR + 1), (SECOND, 429, 200, HOUR - 1),
    )):  # fmt: skip
        ip, kind = block(0x130 + number), {2: "cloud", 3: "vpn"}.get(number)
        for k in range(2):
            moment = start + number * 4 * HOUR + k * 10 * MINUTE
            who = {"network_kind": kind, "model": "m-1"}
            order = f"f{number}{k}"
            if back is not None:  # was there before: an hour ago counts, less does not
                before = moment + gap - back
                yield exchange(before, f"standby-{k}", ip, exchange_id=f"{order}0", **who)
            yield exchange(moment, "refused", ip, status=status, exchange_id=f"{order}1", **who)
            yield exchange(
                moment + gap, f"standby-{k}", ip, status=answer, exchange_id=f"{order}2", **who
            )
            yield exchange(moment + gap, "refused", ip, exchange_id=f"{order}3", **who)
    for k in range(2):  # answered, then refused, then another: all in one microsecond
        moment = start + k * HOUR
        for n, (name, status) in enumerate((("other", 200), ("refused", 429), (f"late-{k}", 200))):
            yield exchange(moment, name, block(0x140), status=status, exchange_id=f"g{k}{2 - n}")
            yield exchange(moment, name, block(0x141), status=status, exchange_id=f"h{k}{n}")


def _pivots() -> Iterator[Row]:
    """Yield accounts that send 4 or 5 requests to a new model, half of the last day or more."""
    for name, before, old, new in (
        ("pivot-over", 5, 4, 5), ("share-at", 5, 5, 5), ("new-at", 5, 3, 4),
        ("earlier-at", 4, 4, 5), ("pivot-two", 9, 0, 6),
    ):  # fmt: skip
        ip = block(0x150)
        for k in range(before):
            yield exchange(UNTIL_US - DAY - k * HOUR, name, ip, model="m-1")
        for k in range(old):
            yield exchange(UNTIL_US - k * HOUR, name, ip, model="m-1")
        for k in range(new):
            model = "m-3" if name == "pivot-two" and k % 2 else "m-2"
            yield exchange(UNTIL_US - DAY + 1 + k * HOUR, name, ip, model=model)
        yield exchange(UNTIL_US - HOUR, name, ip, model=None)
    for k in range(6):  # a habit of two models, and one that is a day old to the microsecond
        yield exchange(UNTIL_US - DAY - k, "pivot-edge", block(0x151), model=f"m-{k % 2}")
        for again in range(2):
            yield exchange(UNTIL_US - k - again, "pivot-edge", block(0x151), model="m-2")
    for back in (DAY, HOUR):
        yield exchange(UNTIL_US - back, "pivot-edge", block(0x151), model="m-edge")


def _signatures() -> Iterator[Row]:
    """Yield reasoning blocks of two and of three owners, named by organisation or account."""
    for signature, owners in (
        ("sig-at", ("o1", "o2", "o2", "o2")), ("sig-over", ("o1", "o2", None, "o1")),
        ("sig-accounts", (None, None, None, None)), ("sig-one", ("o3",) * 4),
    ):  # fmt: skip
        for k, org in enumerate(owners):
            yield exchange(
                START_US + k * DAY, f"owner-{k}", block(0x160), org_id=org,
                reasoning_signature_hash=signature,
            )  # fmt: skip


def _plans() -> Iterator[Row]:
    """Yield days of 100 and 101 tokens under a tier of 100, and tiers without a number."""
    for name, tokens in (
        ("plan-at", 100), ("plan-over", 101), ("plan-none", 900), ("plan-contract", 900),
    ):  # fmt: skip
        yield exchange(START_US + DAY, name, block(0x170), output_tokens=tokens - 1)
        yield exchange(START_US + 2 * DAY - 1, name, block(0x170), output_tokens=1)
        yield exchange(START_US + 2 * DAY, name, block(0x170), output_tokens=50)


def _clocks() -> Iterator[Row]:
    """Yield accounts active in 6 or 7 hours of a day, with 14 or 15 requests."""
    for name, hours, requests in (("hours-at", 6, 20), ("clock-at", 7, 14), ("clock-over", 7, 15)):
        for k in range(requests):
            moment = START_US + k % hours * HOUR + (HOUR - 1 if k // hours % 2 else 0)
            yield exchange(moment, name, block(0x180))


def pooled_accounts() -> Iterator[Mapping[str, str | None]]:
    """Yield accounts of the scenes above, and sign-ups of 3 to 5 accounts on one day."""
    for name in ("plan-at", "plan-over"):
        yield {"account_id": name, "tier": "free"}
    yield {"account_id": "plan-contract", "tier": "contract"}
    for number, (n, domain, pattern) in enumerate((
        (3, "a.example.com", "aa0"), (4, "b.example.com", "aa0"), (4, "gmail.com", "a.a"),
        (4, None, "aa0"), (4, "c.example.com", None),
    )):  # fmt: skip
        for k in range(n):
            moment = "2026-02-03T23:59:59.999999Z" if k % 2 else "2026-02-03T00:00:00+00:00"
            yield {"account_id": f"new-{number}-{k}", "created_at": moment,
                   "email_domain": domain, "email_pattern": pattern}  # fmt: skip
    for number, orgs in enumerate(("ooo", "opqr", "oopq", "oop.", "oopq.")):
        for k, org in enumerate(orgs + "o" * (5 - len(orgs))):  # of 1, 4, 3, 3 and 4 owners
            yield {"account_id": f"staff-{number}-{k}", "created_at": "2026-02-09T08:00:00Z",
                   "email_domain": f"{number}.example.com", "email_pattern": "aa0",
                   "org_id": None if org == "." else org}  # fmt: skip
    for k in range(4):  # two on each side of midnight
        moment = f"2026-02-0{5 + k // 2}T00:00:00Z"
        yield {"account_id": f"split-{k}", "created_at": moment,
               "email_domain": "d.example.com", "email_pattern": "aa0"}  # fmt: skip
