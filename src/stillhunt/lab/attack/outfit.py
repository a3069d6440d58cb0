"""What a campaign shows of itself: addresses, software, cards and dates of sign-up."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from stillhunt.lab import clients, places
from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.attack.roster import Roster
from stillhunt.lab.clients import BROWSERS, DESKTOP, SDKS, TOOLS
from stillhunt.lab.evasion import Evasion
from stillhunt.lab.grammar import IntArray
from stillhunt.lab.homelands import Homeland, settle
from stillhunt.lab.identity import USES, Identity, records
from stillhunt.lab.native import mix, salt

__all__ = ["Outfit"]

SCRIPTS = SDKS  # what such a dispatcher may be written with
BORROWED = (*BROWSERS, DESKTOP, *SDKS[:3], TOOLS[0])  # what people use, and so what is faked
STICKY_S = (0, 600, 3_600, 86_400)  # how long an account keeps a proxy; 0: one for each request
EXITS = 3  # proxies of a campaign for each account that works
FRESH_DAYS = (6.0, 45.0)  # oldest accounts of a campaign that buys them as it goes
BURST_H = (1.0, 14.0)  # length of a sign-up wave
SETUP_US = 3_600_000_000  # from sign-up to the first request of a late wave, at least
CARD = 40  # accounts on one card at most, where a few cards are shared
UNPAID = (0.15, 0.4)  # share on trial credits, without card and phone
TIERS = (("basic",), ("basic", "person"), ("basic", "person", "person"))
SCATTERED = 0.6  # share of campaigns whose accounts claim to live all over the world
SCRIPTED = 0.6  # share of campaigns whose addresses of mail come from one script


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """The outside of one campaign's accounts."""

    seed: int
    name: str
    roster: Roster
    ways: Evasion

    @property
    def count(self) -> int:
        """Accounts of the campaign."""
        return len(self.roster.wave)

    @cached_property
    def home(self) -> Homeland:
        """Where each account claims to live; the whole campaign, or each account its own."""
        rng = np.random.default_rng([self.seed, 81])
        few = settle(rng, int(rng.integers(1, 4)))
        return settle(rng, self.count) if rng.random() < SCATTERED else few.of(
            rng.integers(0, len(few.row), self.count)
        )  # fmt: skip

    @cached_property
    def _drawn(self) -> dict[str, int]:
        rng = np.random.default_rng([self.seed, 82])
        return {
            "sticky": int(rng.choice(STICKY_S)),
            "hosting": int(rng.integers(0, 3)),  # a prefix, machines of a cloud, a VPN
            "tenants": int(rng.integers(2, 3 + self.count // 8)),
            "width": int(rng.choice([4, 16, 64])),
            "script": int(rng.choice(SCRIPTS)),
            "version": int(rng.integers(0, 9)),
            "device": int(rng.integers(0, 3)),
        }

    def columns(self, arrivals: Arrivals) -> dict[str, Any]:
        """Return source_ip, asn, country, user_agent, ja4 and header_order_hash."""
        who, d = arrivals.account, self._drawn
        script = np.full(len(who), d["script"])
        if self.ways.mimic:
            chance = mix(who + salt(self.seed, f"{self.name} borrowed")) & 0x7FFF_FFFF
            borrowed = np.array(BORROWED)[chance % len(BORROWED)]
            return self._places(arrivals) | clients.columns(borrowed, who, script)
        version = np.full(len(who), d["version"])
        return self._places(arrivals) | clients.columns(script, version)

    def _places(self, arrivals: Arrivals) -> places.Columns:
        who, d = arrivals.account, self._drawn
        country = self.home.country[who]
        where = (self.seed, self.name)
        if self.ways.proxies:
            held = arrivals.ts_us // (d["sticky"] * 1_000_000) if d["sticky"] else arrivals.ts_us
            pool = max(64, EXITS * self.count)
            turn = (mix(mix(who + salt(self.seed, "turn")) + held) & 0x7FFF_FFFF) % pool
            return places.proxies(*where, turn, country)
        connection = mix(arrivals.ts_us // DAY_US + who) & 0xFF_FFFF
        if d["hosting"] == 0:
            return places.prefixes(*where, connection, width=d["width"])
        if d["hosting"] == 1:
            return places.clouds(*where, who % d["tenants"], connection & 3)
        return places.vpns(*where, who % d["tenants"], arrivals.ts_us // 3_600_000_000 + who)

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        rng = np.random.default_rng([self.seed, 83])
        found = records(
            self._identity(rng), ids, self.home.codes, seed=self.seed, name=self.name,
            start_s=start_s, groups=self.roster.wave,
        )  # fmt: skip
        if self.ways.cards != "each":
            self._share_cards(found)
        if not self.ways.aged:
            self._sign_up_late(rng, found, start_s)
        return found

    def _identity(self, rng: np.random.Generator) -> Identity:
        device: Literal["each", "few"] = "few" if self._drawn["device"] == 0 else "each"
        tiers = TIERS[rng.integers(len(TIERS))]
        unpaid, oldest, burst = (
            rng.uniform(*UNPAID),
            rng.uniform(*FRESH_DAYS),
            rng.uniform(*BURST_H),
        )
        fresh = Identity(
            tiers=tiers, uses=USES, oldest_days=oldest, burst_h=burst, card="each",
            device=device, unpaid=unpaid,
            email="scripted" if rng.random() < SCRIPTED else "free",
        )  # fmt: skip
        if not self.ways.aged:
            return fresh
        return dataclasses.replace(
            fresh, oldest_days=900, youngest_days=180, burst_h=0, email="free", device="each"
        )

    def _share_cards(self, found: list[dict[str, Any]]) -> None:
        holder = self.count if self.ways.cards == "one" else max(3, min(CARD, self.count // 4))
        cards = [r["payment_hash"] for r in found]
        for number, record in enumerate(found):
            if record["payment_hash"] is not None:
                first = number // holder * holder
                record["payment_hash"] = next(
                    card for card in cards[first : number + 1] if card is not None
                )

    def _sign_up_late(
        self, rng: np.random.Generator, found: list[dict[str, Any]], start_s: int
    ) -> None:
        """Date the accounts of waves that come in the period to shortly before their work."""
        roster = self.roster
        begin: IntArray = roster.begin_us if roster.made_us is None else roster.made_us
        spread = rng.uniform(0, 3.6e9 * BURST_H[1], self.count).astype(np.int64)
        for number in np.flatnonzero(begin > DAY_US).tolist():
            moment = start_s * 1_000_000 + int(begin[number]) - SETUP_US - int(spread[number])
            found[number]["created_at"] = str(np.datetime64(moment // 1_000_000, "s")) + "Z"
