"""The first paragraph of a report: who, how much, its price, since when, how sure.

It is told once, in pieces, so that the terminal and the page say the same. Names are as they
were logged; whoever shows them makes them visible first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stillhunt.hunt.report.document import read_findings
from stillhunt.hunt.report.figures import clock, compact, money, plural, share, times, us
from stillhunt.hunt.report.panels import Pictures, Spend
from stillhunt.hunt.report.suspects import Suspect, rank
from stillhunt.model.finding import Severity

__all__ = ["ACCUSES_NOBODY", "Lead", "Piece", "Story", "tell"]

ACCUSES_NOBODY = (
    "A finding accuses nobody: batch pipelines, evaluation suites and offices behind one "
    "address cross the same bounds. Check the evidence before you act."
)
MOSTLY = 0.9  # an address is another sight of the account that sends this share of its requests
WORDS = {
    "account_id": ("account", "accounts"),
    "org_id": ("organisation", "organisations"),
    "key_hash": ("key", "keys"),
    "source_ip": ("address", "addresses"),
    "source_prefix": ("address block", "address blocks"),
    "reasoning_signature_hash": ("reasoning block", "reasoning blocks"),
    "email_domain": ("mail domain", "mail domains"),
}


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A run of words; names and figures stand out, code is what a machine calls it."""

    text: str
    kind: Literal["plain", "name", "figure", "code"] = "plain"


@dataclass(frozen=True, kw_only=True)
class Lead:
    """A suspect with the addresses and blocks that are other sights of it."""

    suspect: Suspect
    aliases: tuple[Suspect, ...]
    spend: Spend | None

    @property
    def everything(self) -> tuple[Suspect, ...]:
        """Return the suspect and its aliases."""
        return (self.suspect, *self.aliases)

    @property
    def severity(self) -> Severity:
        """Return the gravest severity of any sight of it."""
        return max(one.severity for one in self.everything)


@dataclass(frozen=True, kw_only=True)
class Story:
    """The report in one paragraph."""

    title: str
    said: tuple[Piece, ...]
    sure: tuple[Piece, ...]
    leads: tuple[Lead, ...]
    """Everybody of severity medium or more, the gravest and largest first."""


def tell(document: Mapping[str, Any], pictures: Pictures | None = None) -> Story:
    """Return the story of a report.

    Args:
        document: As ``document.build`` made it.
        pictures: The figures of who took what; without them the story has no price.
    """
    leads = _leads(rank(read_findings(document)), pictures)
    grave = tuple(one for one in leads if one.severity >= Severity.MEDIUM)
    if not document["totals"]["exchanges"]:
        return Story(
            title="No exchange to look at", said=_nothing_read(document), sure=(), leads=()
        )
    together = [one for one in document["campaigns"] if one["severity"] >= Severity.MEDIUM]
    if together:
        return _together(together, grave)
    if not grave:
        said = tuple(_quiet(document, leads))
        title = "Only what was agreed to" if _agreed(document) else "Nothing crossed a bound"
        return Story(title=title, said=said, sure=_unsure(document), leads=())
    said = tuple(_said(grave, pictures))
    return Story(title=_title(grave), said=said, sure=tuple(_sure(grave, document)), leads=grave)


def _together(campaigns: list[Mapping[str, Any]], leads: tuple[Lead, ...]) -> Story:
    """Return the story of accounts that act as one: it comes before any single account."""
    first = campaigns[0]
    accounts = len({name for one in campaigns for name in one["accounts"]})
    title = (
        f"{plural(accounts, 'account')} act as one"
        if len(campaigns) == 1
        else f"{plural(accounts, 'account')} act together, in {len(campaigns)} campaigns"
    )
    return Story(
        title=title,
        said=tuple(_taken(first, campaigns[1:])),
        sure=tuple(_why(first)),
        leads=leads,
    )


def _taken(first: Mapping[str, Any], others: list[Mapping[str, Any]]) -> Iterable[Piece]:
    yield Piece(text=plural(len(first["accounts"]), "account"), kind="figure")
    yield Piece(text=" took ")
    if first["output_tokens"]:
        yield Piece(text=f"{compact(first['output_tokens'])} output tokens", kind="figure")
        yield Piece(text=" in ")
    yield Piece(text=plural(first["exchanges"], "request"), kind="figure")
    if first["first_seen"]:
        yield Piece(text=" that are linked to each other, since ")
        yield Piece(text=f"{clock(us(first['first_seen']))} UTC", kind="figure")
    yield Piece(text=". ")
    if first["possible"]:
        yield Piece(
            text=f"{plural(len(first['possible']), 'more account')} may belong to them; "
            "nothing of their own says so. "
        )
    if others:
        rest = sum(len(one["accounts"]) for one in others)
        yield Piece(
            text=f"{plural(len(others), 'other campaign')} with {plural(rest, 'account')}."
        )


def _why(first: Mapping[str, Any]) -> Iterable[Piece]:
    yield Piece(text="How sure: ")
    claims = [one["claim"] for one in first["evidence"]][:3]
    yield Piece(text="; ".join(claims))
    if first["counter_evidence"]:
        yield Piece(text=". Against it: ")
        yield Piece(text="; ".join(one["claim"] for one in first["counter_evidence"][:2]))
    yield Piece(text=". Read both sides, and decide about the group as a whole.")


def _leads(suspects: Iterable[Suspect], pictures: Pictures | None) -> list[Lead]:
    spends = pictures.spends if pictures else {}
    suspects = list(suspects)
    by_account = {one.name: one for one in suspects if one.kind == "account_id"}
    aliases: dict[str, list[Suspect]] = {}
    heads = []
    for one in suspects:
        spend = spends.get((one.kind, one.name))
        is_alias = (
            one.kind in {"source_ip", "source_prefix"}
            and spend is not None
            and spend.main in by_account
            and spend.main_requests >= MOSTLY * spend.requests
        )
        if is_alias and spend is not None and spend.main is not None:
            aliases.setdefault(spend.main, []).append(one)
        else:
            heads.append(one)
    leads = [
        Lead(
            suspect=one,
            aliases=tuple(aliases.get(one.name, ())) if one.kind == "account_id" else (),
            spend=spends.get((one.kind, one.name)),
        )
        for one in heads
    ]
    return sorted(leads, key=_size)


def _size(lead: Lead) -> tuple[int, int, str]:
    taken = (lead.spend.output_tokens or lead.spend.requests) if lead.spend else 0
    return (-lead.severity, -taken, lead.suspect.name)


def _title(leads: tuple[Lead, ...]) -> str:
    counted: dict[str, int] = {}
    for lead in leads:
        counted[lead.suspect.kind] = counted.get(lead.suspect.kind, 0) + 1
    said = " and ".join(_counted(number, *_word(kind)) for kind, number in counted.items())
    return f"{said[0].upper()}{said[1:]} {'stands' if len(leads) == 1 else 'stand'} out"


def _counted(number: int, one: str, many: str) -> str:
    words = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
    return f"{words.get(number, f'{number:,}')} {one if number == 1 else many}"


def _word(kind: str) -> tuple[str, str]:
    return WORDS.get(kind, (kind, kind))


def _said(leads: tuple[Lead, ...], pictures: Pictures | None) -> Iterable[Piece]:
    first = leads[0]
    yield Piece(text=_word(first.suspect.kind)[0].capitalize() + " ")
    yield Piece(text=first.suspect.name, kind="name")
    if first.spend is None or pictures is None:
        requests = max(f.n for one in first.everything for f in one.findings)
        yield Piece(text=" crossed its bounds in ")
        yield Piece(text=plural(requests, "request"), kind="figure")
    else:
        yield from _took(first, pictures)
    yield Piece(text=". ")
    started = min(one.first_seen_us for one in first.everything)
    ended = max(one.last_seen_us for one in first.everything)
    yield Piece(text="It stands out since ")
    yield Piece(text=f"{clock(started)} UTC", kind="figure")
    yield Piece(text=f", last at {clock(ended)}. ")
    if len(leads) > 1:
        yield from _others(leads[1:])


def _took(lead: Lead, pictures: Pictures) -> Iterable[Piece]:
    spend = lead.spend
    assert spend is not None  # noqa: S101 - told apart by the caller
    yield Piece(text=" took ")
    if spend.output_tokens is not None:
        yield Piece(text=f"{compact(spend.output_tokens)} output tokens", kind="figure")
        part = share(spend.output_tokens, pictures.output_tokens)
        yield Piece(text=f" ({part} of all) in ")
    yield Piece(text=plural(spend.requests, "request"), kind="figure")
    if spend.output_tokens is None:
        yield Piece(text=f" ({share(spend.requests, pictures.requests)} of all)")
    if spend.others and lead.suspect.kind == "account_id":
        yield Piece(text=f" from {plural(spend.others, 'address', 'addresses')}")
    if spend.cost is None:
        yield Piece(text="; the log counts no tokens, so it has no price")
        return
    yield Piece(text=", worth about ")
    yield Piece(text=money(spend.cost, pictures.currency), kind="figure")
    yield Piece(text=f" at {_price(pictures)}")


def _price(pictures: Pictures) -> str:
    if pictures.assumed < 0.01:  # noqa: PLR2004 - nothing to warn of
        return "list prices"
    price = (
        f"({pictures.currency} {pictures.input_price:g} and {pictures.output_price:g} "
        "per million input and output tokens)"
    )
    if pictures.assumed > 0.99:  # noqa: PLR2004
        return f"assumed prices {price}"
    return f"list prices, {share(pictures.assumed, 1)} of it assumed {price}"


def _others(leads: tuple[Lead, ...]) -> Iterable[Piece]:
    shown = leads[:3]
    yield Piece(text="Then come " if len(leads) > 1 else "Then comes ")
    for place, lead in enumerate(shown):
        if place:
            last = place == len(shown) - 1 and len(leads) == len(shown)
            yield Piece(text=" and " if last else ", ")
        yield Piece(text=lead.suspect.name, kind="name")
        if lead.spend and lead.spend.output_tokens is not None:
            yield Piece(text=f" ({compact(lead.spend.output_tokens)} output tokens)")
        elif lead.spend:
            yield Piece(text=f" ({plural(lead.spend.requests, 'request')})")
    if len(leads) > len(shown):
        yield Piece(text=f" and {len(leads) - len(shown):,} more")
    yield Piece(text=".")


def _sure(leads: tuple[Lead, ...], document: Mapping[str, Any]) -> Iterable[Piece]:
    first = leads[0]
    findings = [f for one in first.everything for f in one.findings]
    rules = {one["name"] for one in document["detectors"] if one["kind"] == "rule"}
    families = sorted({f.family for f in findings})
    yield Piece(text="How sure: ")
    detectors = list(dict.fromkeys(f.detector for f in findings))
    for place, name in enumerate(detectors):
        if place:
            yield Piece(text=" and " if place == len(detectors) - 1 else ", ")
        yield Piece(text=name, kind="code")
    yield Piece(text=" points at it" if len(detectors) == 1 else " point at it")
    kinds = "one kind" if len(families) == 1 else f"{len(families)} kinds"
    yield Piece(text=f": {kinds} of evidence ({', '.join(families)})")
    worst = max(
        (f for f in findings if f.detector in rules), key=lambda f: f.statistic, default=None
    )
    if worst is not None:
        yield Piece(text=", at most ")
        yield Piece(text=times(worst.statistic), kind="figure")
        yield Piece(text=" its bound")
    yield Piece(text=f". The bounds are house rules, not calibrated odds. {ACCUSES_NOBODY}")


def _quiet(document: Mapping[str, Any], leads: list[Lead]) -> Iterable[Piece]:
    totals = document["totals"]
    yield Piece(text=plural(totals["exchanges"], "request"), kind="figure")
    if totals["accounts"]:
        yield Piece(text=f" of {plural(totals['accounts'], 'account')}")
    if totals["output_tokens"] is not None:
        yield Piece(text=" with ")
        yield Piece(text=f"{compact(totals['output_tokens'])} output tokens", kind="figure")
    begun, ended = (us(document["period"][key]) for key in ("from", "to"))
    yield Piece(text=f" were looked at, from {clock(begun)} to {clock(ended)} UTC")
    if agreed := _agreed(document):
        yield Piece(text=". Whoever crossed a rule's bound was allowed to: ")
        yield Piece(text=plural(agreed, "finding"))
    else:
        yield Piece(text=". No rule's bound was crossed")
    signs = sum(len(lead.suspect.findings) for lead in leads)
    if signs:
        yield Piece(text=f"; {plural(signs, 'weak sign')} below medium severity "
                         f"{'is' if signs == 1 else 'are'} listed")  # fmt: skip
    yield Piece(text=".")


def _agreed(document: Mapping[str, Any]) -> int:
    """Return how many findings of medium severity or more ``[[allow]]`` covers."""
    return sum(
        one.get("allowed") is not None and one["severity"] >= Severity.MEDIUM
        for one in document["findings"]
    )


def _unsure(document: Mapping[str, Any]) -> tuple[Piece, ...]:
    blind = [one["name"] for one in document["detectors"] if one["answered"] == "no"]
    text = "How sure: slow campaigns over many accounts stay below every bound of this kind"
    if blind:
        text += f", and {plural(len(blind), 'detector')} could not answer from this source"
    return (Piece(text=text + "."),)


def _nothing_read(document: Mapping[str, Any]) -> tuple[Piece, ...]:
    lines = sum(one["lines"] for one in document["inputs"])
    return (Piece(text=f"{plural(lines, 'line')} read, none of them an exchange."),)
