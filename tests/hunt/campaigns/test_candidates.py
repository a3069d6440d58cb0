"""Shared values and the exchanges that carry them, beside the plainest way to find them."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from sweep_kit import exchange, table_of

from stillhunt.hunt.campaigns.accounts import Accounts, known_accounts
from stillhunt.hunt.campaigns.agreement import Linked, Members
from stillhunt.hunt.campaigns.groups import Groups, candidate_groups
from stillhunt.hunt.campaigns.links import FEWEST, KINDS, Kind, shared_values

ACCOUNTS, ROWS = 120, 3_000
DAY_US = 86_400_000_000
LOOKED = ("template", "system_template", "piece", "source_ip", "payment_hash", "sign_up")


@dataclass(frozen=True)
class Population:
    """What was generated, and what was found in it."""

    rows: list[dict[str, Any]]
    pieces: list[tuple[str, int, int]]
    directory: dict[str, dict[str, Any]]
    kinds: list[Kind]
    accounts: Accounts
    groups: Groups
    con: duckdb.DuckDBPyConnection


def _directory(rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    return {
        f"a{k:03}": {
            "org_id": f"o{k // 2}" if k < 20 else None,
            "payment_hash": f"card{rng.integers(0, 25)}" if rng.random() < 0.7 else None,
            "email_pattern": "wave" if 20 <= k < 25 else f"mail{k % 9}",
            "created_at_us": int((1 if 20 <= k < 25 else rng.integers(2, 40)) * DAY_US),
        }
        for k in range(ACCOUNTS)
    }


def _rows(rng: np.random.Generator) -> list[dict[str, Any]]:
    def some(values: int, share: float) -> int | None:
        return int(rng.integers(1, values)) if rng.random() < share else None

    rows = []
    for k in range(ROWS):
        account, address = int(rng.zipf(1.3)) % ACCOUNTS, int(rng.integers(1, 200))
        rows.append(exchange(
            k * 1_000_000, account_id=f"a{account:03}" if rng.random() < 0.98 else None,
            template=some(30, 0.8), system_template=some(6, 0.5) if account % 3 else account,
            source_ip=f"192.0.2.{address}" if rng.random() < 0.9 else None,
            model=f"m{rng.integers(0, 4)}", output_tokens=some(900, 0.7),
        ))  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def population() -> Population:
    rng = np.random.default_rng(5)
    rows, directory = _rows(rng), _directory(rng)
    pieces = [
        (row["account_id"], row["ts_us"], int(rng.integers(0, 40)))
        for row in rows
        for _ in range(3)
        if row["account_id"]
    ]
    con = duckdb.connect()
    con.register("exchanges", table_of(rows))
    names = ("account_id", "ts_us", "hash")
    con.register("pieces", pa.table(dict(zip(names, zip(*pieces, strict=True), strict=True))))
    said = pa.Table.from_pylist([{"account_id": a, **d} for a, d in directory.items()])
    con.register("directory", said)
    accounts = known_accounts(con, said)
    kinds = [kind for kind in KINDS if kind.name in LOOKED]
    shared = shared_values(con, kinds)
    groups = candidate_groups(con, accounts, shared, kinds)
    return Population(rows, pieces, directory, kinds, accounts, groups, con)


def carriers(population: Population) -> dict[tuple[str, Any], list[tuple[str, int]]]:
    """Return account and time of what carries each value: by kind and the value itself."""
    days = defaultdict(list)
    for account, said in population.directory.items():
        days[said["email_pattern"], said["created_at_us"]].append(account)
    per_pattern: dict[str, int] = defaultdict(int)
    per_day: dict[int, int] = defaultdict(int)
    for (pattern, day), who in days.items():
        per_pattern[pattern] += len(who)
        per_day[day] += len(who)
    waves = {
        wave for wave, who in days.items()
        if len(who) >= 3 * per_pattern[wave[0]] * per_day[wave[1]] / len(population.directory)
    }  # fmt: skip
    found: dict[tuple[str, Any], list[tuple[str, int]]] = defaultdict(list)
    for row in population.rows:
        account = row["account_id"]
        if account is None:
            continue
        said = population.directory[account]
        wave = (said["email_pattern"], said["created_at_us"])
        values = {name: row[name] for name in ("template", "system_template", "source_ip")}
        values |= {
            "payment_hash": said["payment_hash"],
            "sign_up": wave if wave in waves else None,
        }
        for name, value in values.items():
            if value is not None:
                found[name, value].append((account, row["ts_us"]))
    for account, ts_us, piece in population.pieces:
        found["piece", piece].append((account, ts_us))
    return found


def test_values_are_shared_as_counting_them_one_by_one_says(population: Population) -> None:
    tenant = {account: said["org_id"] or account for account, said in population.directory.items()}
    limits = {kind.name: kind for kind in population.kinds}
    everybody = population.accounts.n_tenants
    expected = []
    for (name, _), rows in carriers(population).items():
        users = len({tenant[account] for account, _ in rows})
        kind = limits[name]
        if FEWEST <= users <= kind.most * everybody and len(rows) >= kind.repeats * users:
            expected.append((name, users, len(rows)))
    shared = population.groups.shared
    names = [population.kinds[number].name for number in shared.kind.tolist()]
    assert sorted(zip(names, shared.tenants, shared.exchanges, strict=True)) == sorted(expected)
    assert set(names) == set(LOOKED)  # each kind has something to be wrong about


def number(population: Population, name: str, value: Any) -> int:  # noqa: ANN401 - of any kind
    """Return *value* as DuckDB numbers it."""
    if isinstance(value, int):
        return value
    parts = (value[1], value[0]) if name == "sign_up" else (value,)
    marks = ", ".join("?" * len(parts))
    found = population.con.execute(f"SELECT (hash({marks}) >> 1)::BIGINT", parts).fetchall()
    return int(found[0][0])


def test_what_is_linked_is_what_carries_a_value_of_the_group_each_once(
    population: Population,
) -> None:
    groups, ids = population.groups, population.accounts.ids.to_pylist()
    shared = groups.shared
    of = {
        (population.kinds[kind].name, value): group
        for kind, value, group in zip(
            shared.kind.tolist(), shared.value.tolist(), shared.group.tolist(), strict=True
        )
    }
    expected: set[tuple[int, str, int]] = set()
    for (name, value), rows in carriers(population).items():
        group = of.get((name, number(population, name, value)))
        if group is not None:
            expected |= {(group, account, ts_us) for account, ts_us in rows}
    linked = groups.members.linked.group.tolist()
    who = [ids[account] for account in groups.account.tolist()]
    found = list(zip(linked, who, groups.ts_us.tolist(), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_each_linked_exchange_brings_its_own_traits_and_tokens(population: Population) -> None:
    groups, ids = population.groups, population.accounts.ids.to_pylist()
    rows = {row["ts_us"]: row for row in population.rows}
    mine = [rows[ts_us] for ts_us in groups.ts_us.tolist()]
    assert [row["account_id"] for row in mine] == [ids[k] for k in groups.account.tolist()]
    assert groups.output_tokens.tolist() == [row["output_tokens"] or 0 for row in mine]
    for name in ("model", "source_ip"):
        pairs = {(code, row[name]) for code, row in zip(groups.traits[name], mine, strict=True)}
        assert len(pairs) == len({code for code, _ in pairs}) == len({text for _, text in pairs})
        assert all((code == -1) == (text is None) for code, text in pairs)
    for code, text in {(c, r["model"]) for c, r in zip(groups.traits["model"], mine, strict=True)}:
        users = {r["account_id"] for r in population.rows if r["model"] == text} - {None}
        assert groups.shares["model"][code] == (len(users) + 1) / (len(ids) + 1)
    assert set(groups.traits["ja4"].tolist()) == {-1}


def test_members_are_the_same_in_any_order(population: Population) -> None:
    members = population.groups.members
    linked = members.linked
    shuffled = np.random.default_rng(1).permutation(len(linked.group))
    other = Members(Linked(
        group=linked.group[shuffled], account=linked.account[shuffled], bin=linked.bin[shuffled]
    ))  # fmt: skip
    assert (np.diff(members.of) >= 0).all()
    assert (other.group == members.group).all()
    assert (other.account == members.account).all()
    assert (other.n == members.n).all()
    assert (other.of == members.of[shuffled]).all()
