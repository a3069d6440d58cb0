"""The whole judgement by one command: ``./dev bench judgement``.

A grid of cells (campaign x evasion x seed), each simulated, hunted and judged; then the table
of goals, the baselines, ablations and the cost to evade, as JSON and as a page with pictures.
What a cell gave is kept below ``build/judgement``, so that a run that was cut off goes on where
it was; ``--fresh`` begins anew, which it must after a change of the code.

Cells of one seed share their honest accounts: those are simulated and ingested once.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import judgement_tables
from benchmarks.judgement_cell import Cell, run
from benchmarks.judgement_population import Size, crowded
from benchmarks.judgement_weights import held_out
from stillhunt.hunt.campaigns.fusion import Weights, weights
from stillhunt.hunt.parameters import duration_us
from stillhunt.lab.judge import page
from stillhunt.registry import parts

__all__ = ["Grid", "main"]

OUT = Path("build/judgement")
FIRST_SEED = 1_001  # the judged populations; weights are fitted on others
KNOBS = ("proxies=yes", "paraphrase=yes", "cards=each", "aged=yes", "mimic=yes",
         "pacing=daynight", "pacing=workers")  # fmt: skip
TYPICAL = ("pool", "reasoning", "rubric")
"""Campaigns that every knob is tried on: text of three kinds, each account alike."""
CURVE = (0.25, 0.5, 0.9)
"""Cover shares beside 0 and 0.8, for the picture."""


@dataclass(frozen=True)
class Grid:
    """What is judged."""

    campaigns: tuple[str, ...]
    seeds: tuple[int, ...]
    covers: tuple[float, ...]
    replay_us: int

    def cells(self) -> list[Cell]:
        """Return every cell once."""
        told = [
            Cell(campaign, seed, _cover(cover), lacks=seed == self.seeds[0] and not cover)
            for campaign in self.campaigns for cover in self.covers for seed in self.seeds
        ]  # fmt: skip
        typical = [name for name in TYPICAL if name in self.campaigns]
        knobs = [*((knob,) for knob in KNOBS), *(_cover(cover) for cover in CURVE),
                 ("cover=0.8", *(k for k in KNOBS if k != "pacing=workers"))]  # fmt: skip
        told += [Cell(name, seed, k) for name in typical for k in knobs for seed in self.seeds[:2]]
        if self.replay_us:
            told += [
                Cell(campaign, self.seeds[0], replay_us=self.replay_us)
                for campaign in self.campaigns
            ]
        return list(dict.fromkeys(told))


def _cover(cover: float) -> tuple[str, ...]:
    return (f"cover={cover:g}",) if cover else ()


def main(words: Sequence[str]) -> None:
    """Run what has not run yet, then write the tables."""
    told = _parser().parse_args(words)
    out: Path = told.out
    if told.fresh:
        shutil.rmtree(out, ignore_errors=True)
    known = tuple(sorted(parts("stillhunt.lab.campaigns")))
    if unknown := {*told.campaigns} - {*known}:
        sys.exit(f"no campaign {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    grid = Grid(
        campaigns=tuple(told.campaigns) or known,
        seeds=tuple(range(FIRST_SEED, FIRST_SEED + told.seeds)),
        covers=tuple(told.covers),
        replay_us=duration_us(told.replay, "--replay") if told.replay else 0,
    )
    size = Size(told.honest, told.days, told.attackers)
    unseen = held_out(out / "weights", grid.campaigns) if told.unseen else {}
    began = time.perf_counter()
    _run(grid.cells(), size, out, unseen, told.workers)
    print(f"-- cells: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    document, shown = judgement_tables.concluded(grid.cells(), out)
    (out / "judgement.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    page.write(out / "judgement.html", shown)
    judgement_tables.print_tables(shown)
    print(f"JSON: {out / 'judgement.json'}; page: {out / 'judgement.html'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev bench judgement")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--campaigns", nargs="*", default=[], help="default: all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--covers", type=float, nargs="*", default=[0.0, 0.8])
    parser.add_argument("--honest", type=int, default=6_000, help="honest accounts of a seed")
    parser.add_argument("--attackers", type=int, default=60, help="accounts of a campaign")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--replay", default="", help="step of a replay, such as 1h; default none")
    parser.add_argument("--no-unseen", dest="unseen", action="store_false")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--fresh", action="store_true")
    return parser


def _run(
    cells: Iterable[Cell], size: Size, out: Path, unseen: dict[str, Weights], workers: int
) -> None:
    """Run the cells that have not run, those of one seed after each other."""
    left: dict[tuple[int, bool], list[Cell]] = defaultdict(list)
    for cell in cells:
        if not (out / cell.name / "cell.json").exists():
            left[cell.seed, bool(cell.replay_us)].append(cell)
    jobs = [(theirs, _sized(size, is_small), out, unseen, is_small)
            for (_, is_small), theirs in sorted(left.items())]  # fmt: skip
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for done in pool.imap_unordered(_of_seed, jobs):
            print(f"-- seed {done}", file=sys.stderr, flush=True)


def _sized(size: Size, is_small: bool) -> Size:
    """Return the size of a population; a replay hunts it many times, so it is the small one."""
    return Size(min(size.honest, 2_000), size.days, min(size.attackers, 40)) if is_small else size


def _of_seed(job: tuple[list[Cell], Size, Path, dict[str, Weights], bool]) -> str:
    cells, size, out, unseen, is_small = job
    name = f"{cells[0].seed}{'-small' if is_small else ''}"
    crowd = crowded(out / "crowds" / name, size, cells[0].seed)
    for number, cell in enumerate(cells, 1):
        began = time.perf_counter()
        run(cell, crowd, out, shipped=weights(), unseen=unseen.get(cell.campaign))
        took = time.perf_counter() - began
        print(f"-- {number}/{len(cells)} {cell.name}: {took:.0f} s", file=sys.stderr, flush=True)
    return name


if __name__ == "__main__":
    main(sys.argv[1:])
