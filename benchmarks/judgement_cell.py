"""One cell of the judgement: a population is hunted and judged, in several variants at once.

Evidence does not depend on its weights, so it is gathered once and added up with the weights
that are shipped (fitted on campaigns like these), with weights that never saw this kind of
campaign, and with each family of evidence left out.
"""

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pyarrow as pa

from benchmarks.judgement_population import Attacked, Crowded
from stillhunt.hunt.campaigns.describe import accounts_of, campaigns_of
from stillhunt.hunt.campaigns.evidence import FAMILIES, FEATURES
from stillhunt.hunt.campaigns.find import Hunted, find_campaigns
from stillhunt.hunt.campaigns.fusion import AGREED, Weights, score
from stillhunt.hunt.campaigns.verdicts import decide
from stillhunt.hunt.report.document import build
from stillhunt.hunt.sweep import sweep
from stillhunt.lab.judge.case import Case, case_of
from stillhunt.lab.judge.said import Said

__all__ = ["Cell", "Lacking", "about", "kept", "run"]

MEMORY_MB = 1_500


@dataclass(frozen=True)
class Cell:
    """What is simulated and how it is hunted."""

    campaign: str
    seed: int
    evasion: tuple[str, ...] = ()
    lacks: bool = False
    """Whether it is hunted without each group of columns (``Lacking``), too."""
    replay_us: int = 0
    """Step of a replay; 0 for a single sweep [us]."""

    @property
    def name(self) -> str:
        """Return the folder of the cell."""
        knobs = ",".join(self.evasion) or "plain"
        what = f"replay-{self.replay_us // 60_000_000}m" if self.replay_us else "whole"
        return f"{what}/{self.campaign}/{knobs}/{self.seed}"


class Lacking:
    """A lake and a directory without some columns, as other houses' logs are."""

    COLUMNS: ClassVar[dict[str, tuple[str, ...]]] = {
        "text": ("template", "system_template", "prefix_hash", "fill_hash", "simhash",
                 "elicitation", "probe"),
        "system text": ("system_template",),
        "pieces": (),
        "address": ("source_ip", "asn", "country"),
        "client": ("user_agent", "ja4", "header_order_hash"),
        "tokens": ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"),
        "parameters": ("model", "max_tokens", "temperature", "stream", "turns", "tools"),
        "signatures": ("reasoning_signature_hash",),
        "directory": (),
    }  # fmt: skip

    def __init__(self, attacked: Attacked, without: str) -> None:
        self.attacked, self.without = attacked, without

    @property
    def directory(self) -> pa.Table | None:
        return None if self.without == "directory" else self.attacked.directory

    def connect(
        self, since_us: int | None = None, until_us: int | None = None, *, memory_mb: int = 1_500
    ) -> duckdb.DuckDBPyConnection:
        con = self.attacked.lake.connect(since_us, until_us, memory_mb=memory_mb)
        names = self.COLUMNS.get(self.without, ())
        if names:
            _blank(con, "exchanges", names)
        if self.without in {"pieces", "text"}:
            con.execute("ALTER VIEW pieces RENAME TO all_pieces")
            con.execute("CREATE VIEW pieces AS SELECT * FROM all_pieces WHERE FALSE")
        return con


def _blank(con: duckdb.DuckDBPyConnection, view: str, names: Sequence[str]) -> None:
    there = {row[0] for row in con.execute(f"DESCRIBE {view}").fetchall()}
    nulls = ", ".join(f"NULL::{_kind(con, view, n)} AS {n}" for n in names if n in there)
    if nulls:
        con.execute(f"ALTER VIEW {view} RENAME TO whole_{view}")
        con.execute(f"CREATE VIEW {view} AS SELECT * REPLACE ({nulls}) FROM whole_{view}")


def _kind(con: duckdb.DuckDBPyConnection, view: str, name: str) -> str:
    rows = con.execute(f"DESCRIBE {view}").fetchall()
    return str(next(row[1] for row in rows if row[0] == name))


def run(
    cell: Cell, crowd: Crowded, out: Path, *, shipped: Weights, unseen: Weights | None
) -> None:
    """Hunt and judge *cell*, and keep its cases below ``out / cell.name``."""
    place = crowd.folder / "cell"
    began = time.perf_counter()
    attacked = crowd.attacked(cell.campaign, cell.evasion, place)
    made = time.perf_counter()
    target, half = out / cell.name, out / f"{cell.name}.half"
    shutil.rmtree(half, ignore_errors=True)
    variants = _replayed(cell, attacked, crowd) if cell.replay_us else (
        _variants(cell, attacked, shipped, unseen)
    )  # fmt: skip
    for name, said in variants:
        contest = attacked.contest if name == "seen" else None
        case_of(said, attacked.known, sent=attacked.sent, contest=contest).keep(half / name)
    times = {"simulate": made - began, "hunt and judge": time.perf_counter() - made}
    about = {"cell": asdict(cell), "costs": attacked.costs, "seconds": times}
    (half / "cell.json").write_text(json.dumps(about) + "\n")
    shutil.rmtree(target, ignore_errors=True)
    half.rename(target)
    shutil.rmtree(place, ignore_errors=True)


def _variants(
    cell: Cell, attacked: Attacked, shipped: Weights, unseen: Weights | None
) -> Iterator[tuple[str, Said]]:
    with _connected(attacked, "", shipped) as (con, hunted):
        yield "seen", _said(hunted, con)
        others = {f"no {family}": _silenced(shipped, family) for family in FAMILIES}
        others |= {"unseen": unseen} if unseen is not None else {}
        for name, told in others.items():
            if hunted is not None:
                yield name, _said(replace(hunted, **_scored(hunted, told)), con)
    for without in Lacking.COLUMNS if cell.lacks else ():
        with _connected(attacked, without, shipped) as (con, hunted):
            yield f"without {without}", _said(hunted, con)


@contextmanager
def _connected(
    attacked: Attacked, without: str, told: Weights
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Hunted | None]]:
    """Give a connection that lacks some columns, and what was hunted on it."""
    lacking = Lacking(attacked, without)
    with closing(lacking.connect(memory_mb=MEMORY_MB)) as con:
        con.execute("SET enable_progress_bar = false")
        if lacking.directory is not None:
            con.register("directory", lacking.directory)
        yield con, find_campaigns(con, lacking.directory, told)


def _silenced(weights: Weights, family: str) -> Weights:
    """Return the weights with everything of *family* at zero, and what rests on it, too."""
    theirs = {name for name, of in FEATURES.items() if of == family}
    if family in {"identity", "infrastructure"}:
        theirs.add(AGREED)  # how far these two say the same
    mute = dict.fromkeys(theirs, 0.0)
    return replace(weights, group={**weights.group, **mute}, member={**weights.member, **mute})


def _scored(hunted: Hunted, weights: Weights) -> dict[str, Any]:
    """Return the scores and verdicts of the same evidence by other weights."""
    scores = score(hunted.groups, hunted.evidence, weights)
    verdicts = decide(hunted.groups, scores, hunted.accounts, weights)
    return {"scores": scores, "verdicts": verdicts}


def _said(hunted: Hunted | None, con: duckdb.DuckDBPyConnection) -> Said:
    accounts: list[dict[str, Any]] = [] if hunted is None else list(accounts_of(hunted).values())
    campaigns = [] if hunted is None else campaigns_of(hunted, con)
    return Said.model_validate(
        {"schema": "stillhunt.report/1", "accounts": accounts, "campaigns": campaigns}
    )


def _replayed(cell: Cell, attacked: Attacked, crowd: Crowded) -> Iterator[tuple[str, Said]]:
    result = sweep(
        attacked.lake, settings=crowd.settings, accounts=crowd.folder / "cell" / "accounts.jsonl",
        events=attacked.events, rules=(), replay_us=cell.replay_us,
    )  # fmt: skip
    yield "seen", Said.model_validate(build([], result, created_at=datetime.now(UTC)))


def kept(out: Path, cell: Cell) -> dict[str, Case]:
    """Return the cases of a cell by variant, none if it has not run."""
    folder = out / cell.name
    if not (folder / "cell.json").exists():
        return {}
    return {path.parent.name: Case.kept(path.parent) for path in folder.glob("*/case.json")}


def about(out: Path, cell: Cell) -> dict[str, Any]:
    """Return what a cell cost, the attacker and us."""
    read: dict[str, Any] = json.loads((out / cell.name / "cell.json").read_text("utf-8"))
    return read
