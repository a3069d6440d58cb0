"""What the cells come to: goals, campaigns, baselines, ablations, cost to evade."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.judgement_cell import Cell, about, kept
from stillhunt.hunt.report.figures import DASH, compact
from stillhunt.lab.judge import drawings, shape, telling
from stillhunt.lab.judge.case import Case, pooled_cases
from stillhunt.lab.judge.drawings import Line, Spot
from stillhunt.lab.judge.judgement import Bootstrap, conclude
from stillhunt.lab.judge.metrics import Flags
from stillhunt.lab.judge.page import Page, Section, Table

__all__ = ["concluded", "print_tables"]

Cases = dict[Cell, dict[str, Case]]
Row = tuple[str, str, str]
ROUNDS = Bootstrap(rounds=200)
LINKED = 50
"""Exchanges from which on an account can be convicted (DESIGN 6)."""
MEDIUM, HIGH = 3, 4


def concluded(cells: Iterable[Cell], out: Path) -> tuple[dict[str, Any], Page]:
    """Return the figures of the cells that have run, and their page."""
    cases: Cases = {cell: found for cell in cells if (found := kept(out, cell))}
    plain = {c: v for c, v in cases.items() if not c.replay_us}
    pools = {
        f"{variant}, {cover}": pool
        for cover, knobs in (("no cover", ()), ("cover 80 %", ("cover=0.8",)))
        for variant in ("seen", "unseen")
        if (pool := _pool(plain, variant, knobs)) is not None
    }
    judged = {name: conclude(pool, bootstrap=ROUNDS) for name, pool in pools.items()}
    tables = {
        "goals": _goals(pools, judged, cases),
        "campaigns": _campaigns(plain),
        "families": _families(plain),
        "columns": _columns(plain),
        "cost": _cost(plain, out),
        "tokens": _tokens(cases),
    }
    document = {
        "cells": [c.name for c in cases],
        "pools": {n: one.model_dump(mode="json", by_alias=True) for n, one in judged.items()},
        "tables": {
            name: [dict(zip(table.head, row, strict=True)) for row in table.rows]
            for name, table in tables.items()
        },
    }
    return document, _page(judged, tables, plain)


def _pool(cases: Cases, variant: str, knobs: tuple[str, ...]) -> Case | None:
    """Join every campaign and seed; honest accounts of one seed are the same tenants."""
    mine = {
        c.name: found[variant] for c, found in cases.items()
        if c.evasion == knobs and variant in found
    }  # fmt: skip
    if not mine:
        return None
    return pooled_cases(mine, {name: name.rpartition("/")[2] for name in mine})


def _by_campaign(cases: Cases, variant: str, knobs: tuple[str, ...]) -> dict[str, Case]:
    found: dict[str, dict[str, Case]] = defaultdict(dict)
    for cell, theirs in cases.items():
        if cell.evasion == knobs and variant in theirs:
            found[cell.campaign][str(cell.seed)] = theirs[variant]
    return {name: pooled_cases(many) for name, many in sorted(found.items())}


def _quick(case: Case) -> shape.Judgement:
    return conclude(replace(case, rivals={}), bootstrap=Bootstrap(rounds=0))


def _at(judged: shape.Judgement, severity: int) -> shape.AtSeverity:
    return next(one for one in judged.at_severity if one.severity == severity)


def _recall(estimate: shape.Estimate | None) -> str:
    return telling.share(estimate.value if estimate else None)


def _goals(
    pools: Mapping[str, Case], judged: Mapping[str, shape.Judgement], cases: Cases
) -> Table:
    """Return each goal of the judgement beside what was measured."""
    rows = [*_precise(pools), *_rates(judged)]
    for name, one in judged.items():
        rows += _harmless(name, one)
    shares = [one.share_before_alert for _, one in _replays(cases)]
    known = [share for share in shares if share is not None]
    if known:
        rows.append(("tokens before the first alert, median of kinds", "0.01",
                     telling.share(float(np.median(known)))))  # fmt: skip
    return Table(("goal", "wanted", "measured"), rows, "Goals")


def _precise(pools: Mapping[str, Case]) -> Iterator[Row]:
    for name, wanted, least in (
        ("seen, no cover", "0.95", 0), ("unseen, no cover", "0.85 from 50 exchanges on", LINKED)
    ):  # fmt: skip
        if name in pools:
            mine = pools[name].accounts
            one = _some(pools[name], mine.is_honest | (mine.exchanges >= least))
            at = conclude(one, bootstrap=ROUNDS).score.at_precision[0]
            goal = f"{name}: recall at precision 0.99, base rate 1 %"
            yield goal, wanted, telling.said(at.recall)


def _rates(judged: Mapping[str, shape.Judgement]) -> Iterator[Row]:
    for name, wanted in (("seen, cover 80 %", "0.90"), ("unseen, cover 80 %", "a curve")):
        if name in judged:
            at = judged[name].score.at_fpr[0]
            yield f"{name}: recall at FPR 1e-3", wanted, telling.said(at.recall)


def _harmless(name: str, one: shape.Judgement) -> Iterator[Row]:
    high, medium = _at(one, HIGH), _at(one, MEDIUM)
    yield f"{name}: honest accounts at high or above", "0", f"{high.honest:,}"
    share = telling.share(medium.fpr.value if medium.fpr else None, 5)
    yield f"{name}: honest at medium or above, share", "0.002", share
    times: dict[str, list[bool]] = defaultdict(list)
    for group in one.groups:
        times[group.campaign].append(group.is_found)
    lost = sorted(kind for kind, found in times.items() if 2 * sum(found) <= len(found))
    told = f"{len(times) - len(lost)} of {len(times)}" + (
        f"; not {', '.join(lost)}" if lost else ""
    )
    yield f"{name}: kinds found as one with most seeds", "all but two", told


def _some(case: Case, which: Flags) -> Case:
    return replace(case, accounts=case.accounts.take(which), rivals={})


def _campaigns(cases: Cases) -> Table:
    rows = []
    for knobs in ((), ("cover=0.8",)):
        unseen = _by_campaign(cases, "unseen", knobs)
        for name, case in _by_campaign(cases, "seen", knobs).items():
            seen = _quick(case)
            other = _quick(unseen[name]) if name in unseen else None
            rows.append((
                f"{name}{', cover 80 %' if knobs else ''}",
                f"{seen.population.attackers:,}",
                f"{seen.campaigns.found}/{seen.campaigns.groups}",
                telling.share(seen.campaigns.purity), telling.share(seen.campaigns.completeness),
                _recall(_at(seen, MEDIUM).recall), _recall(_at(seen, HIGH).recall),
                _recall(seen.score.at_fpr[0].recall), _recall(seen.score.at_precision[0].recall),
                _recall(other.score.at_fpr[0].recall) if other else DASH,
                _recall(other.score.at_precision[0].recall) if other else DASH,
            ))  # fmt: skip
    return Table(
        ("campaign", "attackers", "found as one", "purity", "completeness", "recall medium",
         "high", "FPR 1e-3", "precision 0.99 at 1 %", "unseen: FPR 1e-3", "unseen: precision"),
        rows, "Campaigns",
    )  # fmt: skip


def _families(cases: Cases) -> Table:
    variants = sorted(
        {v for found in cases.values() for v in found if v == "seen" or v.startswith("no ")}
    )
    rows = []
    for variant in sorted(variants, key=lambda v: (v != "seen", v)):
        recalls = []
        for knobs in ((), ("cover=0.8",)):
            pool = _pool(cases, variant, knobs)
            one = None if pool is None else _quick(pool)
            recalls += [_recall(one.score.at_fpr[0].recall) if one else DASH,
                        f"{_at(one, MEDIUM).honest:,}" if one else DASH]  # fmt: skip
        rows.append(("all evidence" if variant == "seen" else variant, *recalls))
    head = ("evidence", "recall at FPR 1e-3", "honest at medium", "with cover 80 %", "honest")
    return Table(head, rows, "Without a family of evidence")


def _columns(cases: Cases) -> Table:
    rows = []
    mine = {c: v for c, v in cases.items() if c.lacks}
    lacking = sorted({v for found in mine.values() for v in found if v.startswith("without ")})
    for variant in ("seen", *lacking):
        pool = _pool(mine, variant, ())
        if pool is not None:
            one = _quick(pool)
            rows.append((
                "everything" if variant == "seen" else variant,
                _recall(one.score.at_fpr[0].recall), _recall(_at(one, MEDIUM).recall),
                f"{one.campaigns.found}/{one.campaigns.groups}", f"{_at(one, MEDIUM).honest:,}",
            ))  # fmt: skip
    head = ("log", "recall at FPR 1e-3", "at medium", "found as one", "honest at medium")
    return Table(head, rows, "Without columns", "One seed, no cover.")


def _cost(cases: Cases, out: Path) -> Table:
    """Return what each knob leaves of the recall, and what it costs."""
    tried = {c.campaign for c in cases if c.evasion not in {(), ("cover=0.8",)}}
    rows = []
    for knobs in sorted({c.evasion for c in cases}, key=lambda k: (len(k), k)):
        mine = {c: v for c, v in cases.items() if c.evasion == knobs and c.campaign in tried}
        pool = _pool(mine, "seen", knobs)
        if pool is None:
            continue
        one, other = _quick(pool), _pool(mine, "unseen", knobs)
        costs = [about(out, c)["costs"] for c in mine]
        rows.append((
            ", ".join(knobs) or "as it is",
            _recall(one.score.at_fpr[0].recall), _recall(_at(one, MEDIUM).recall),
            _recall(_quick(other).score.at_fpr[0].recall) if other else DASH,
            f"{np.mean([c['kept'] for c in costs]):.2f}",
            f"{np.mean([c['cards'] for c in costs]):.0f}",
            f"{np.mean([c['addresses'] for c in costs]):,.0f}",
            f"{np.median([c['age_days'] for c in costs]):.0f}",
            f"{np.mean([c['model_calls'] for c in costs]):,.0f}",
        ))  # fmt: skip
    return Table(
        ("knob", "recall at FPR 1e-3", "at medium", "unseen, FPR 1e-3", "harvest kept", "cards",
         "addresses", "age [days]", "more model calls"),
        rows, "Cost to evade", f"Campaigns: {', '.join(sorted(tried))}.",
    )  # fmt: skip


def _replays(cases: Cases) -> list[tuple[str, shape.Tokens]]:
    return [
        (cell.campaign, group.tokens)
        for cell, found in cases.items() if cell.replay_us
        for group in found["seen"].groups if group.tokens is not None
    ]  # fmt: skip


def _tokens(cases: Cases) -> Table:
    rows = [
        (name, compact(one.in_all), one.first_alert_at or "never",
         telling.share(one.share_before_alert, 4), telling.share(one.share_before_containment, 4))
        for name, one in sorted(_replays(cases), key=lambda r: r[0])
    ]  # fmt: skip
    head = ("campaign", "output tokens", "first alert", "before it", "before containment")
    return Table(head, rows, "Taken before anybody was told")


def _page(
    judged: Mapping[str, shape.Judgement], tables: Mapping[str, Table], plain: Cases
) -> Page:
    curves = {name: one.score.curve for name, one in judged.items()}
    trust = {name: one.reliability.accounts for name, one in judged.items()}
    first = next(iter(judged.values()), None)
    sections = [
        Section("Goals", tables=(tables["goals"],)),
        Section(
            "Accounts", "Every campaign and seed; honest accounts count once for each campaign.",
            pictures=(drawings.roc(curves), drawings.reliability(trust),
                      drawings.lines(_curve(plain), "cover", "recall at FPR 1e-3"),
                      drawings.lines(_curve(plain, kept=True), "harvest kept", "recall")),
        ),
        Section("Campaigns", tables=(tables["campaigns"], tables["tokens"])),
        Section("Ablations", tables=(tables["families"], tables["columns"])),
        Section("Cost to evade", tables=(tables["cost"],)),
    ]  # fmt: skip
    for name, one in judged.items():
        scores = {name: one.score} | {b.title: b.score for b in one.baselines}
        if one.baselines:
            sections.append(Section(f"Beside baselines: {name}", tables=(telling.beside(scores),)))
    if first is not None:
        sections += [s for s in telling.sections(first) if s.title == "Honest accounts"]
    return Page(
        title="The judgement", lead="Populations of the lab, hunted and held against the truth.",
        notes=() if first is None else first.notes, sections=tuple(sections),
    )  # fmt: skip


def _curve(cases: Cases, *, kept: bool = False) -> list[Line]:
    """Return recall against the share of cover (or what it leaves), campaigns tried at all."""
    covers: dict[tuple[str, ...], float] = {(): 0.0}
    for cell in cases:
        if len(cell.evasion) == 1 and cell.evasion[0].startswith("cover="):
            covers[cell.evasion] = float(cell.evasion[0].partition("=")[2])
    tried = {c.campaign for c in cases if covers.get(c.evasion, 0) not in {0.0, 0.8}}
    return [Line(variant, spots) for variant in ("seen", "unseen")
            if (spots := _spots(cases, covers, tried, variant, kept))]  # fmt: skip


def _spots(
    cases: Cases, covers: Mapping[tuple[str, ...], float], tried: set[str], variant: str,
    kept: bool,
) -> Sequence[Spot]:  # fmt: skip
    spots = []
    for knobs, cover in sorted(covers.items(), key=lambda item: item[1]):
        mine = {c: v for c, v in cases.items() if not tried or c.campaign in tried}
        pool = _pool(mine, variant, knobs)
        recall = None if pool is None else _quick(pool).score.at_fpr[0].recall
        if recall is not None:
            spots.append(Spot(1 - cover if kept else cover, recall.value))
    return spots


def print_tables(page: Page) -> None:
    """Print every table of *page*."""
    for section in page.sections:
        for table in section.tables:
            shown = Printed(title=table.title or section.title, title_justify="left")
            for place, head in enumerate(table.head):
                shown.add_column(head, justify="right" if place else "left")
            for row in table.rows:
                shown.add_row(*row)
            Console(width=200).print(shown)
