"""Repetition: one template, or everything there is; and the honest who look the same."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from detector_kit import MIDNIGHT, SECOND, measured, rows_of

from stillhunt.hunt.detectors.repetition import Repetition


def _times(n: int) -> list[int]:
    return [MIDNIGHT + k * SECOND for k in range(n)]


def _tails(rows: list[dict[str, Any]], **told: float) -> dict[str, dict[str, Any]]:
    found = {row["tail"]: row for row in measured(Repetition(**told), rows)}  # type: ignore[arg-type]
    assert all(row["account_id"] == "a1" for row in found.values())
    return found


def chao_shen(templates: list[int]) -> float:
    """Return the Chao-Shen entropy [nats], as the paper writes it."""
    n = len(templates)
    counts = np.array(list(Counter(templates).values()), dtype=float)
    singles = min(int((counts == 1).sum()), n - 1)
    p = (1 - singles / n) * counts / n
    return float((-p * np.log(p) / (1 - (1 - p) ** n)).sum())


def test_a_harvester_with_one_template_is_the_low_tail() -> None:
    rows = rows_of(_times(60), template=7, simhash=list(range(60)), unique_ratio=0.5)
    low = _tails(rows)["low"]
    assert low["statistic"] == 1.0
    assert low["n"] == 60
    assert (low["first_seen"], low["last_seen"]) == (MIDNIGHT, MIDNIGHT + 59 * SECOND)
    assert (low["templates"], low["commonest_template"], low["coverage"]) == (1, 60, 1.0)
    assert (low["near_duplicates"], low["unique_ratio"]) == (1.0, 0.5)
    assert low["template_entropy_bits"] == 0.0


def test_an_honest_pipeline_looks_the_same_and_is_only_informational() -> None:
    low = _tails(rows_of(_times(1_000), template=7))["low"]
    assert low["severity"] == 1


@pytest.mark.parametrize(("n", "severity"), [(1_000, 1), (1_001, 2)])
def test_it_is_never_more_than_low(n: int, severity: int) -> None:
    assert _tails(rows_of(_times(n), template=7))["low"]["severity"] == severity


@pytest.mark.parametrize(("n", "is_found"), [(49, False), (50, True)])
def test_few_exchanges_say_nothing(n: int, is_found: bool) -> None:
    assert bool(_tails(rows_of(_times(n), template=7))) is is_found


def test_the_entropy_is_chao_shen_s() -> None:
    templates = [int(t) for t in np.random.default_rng(1).zipf(1.6, 400)]
    rows = rows_of(_times(400), template=templates)
    low = _tails(rows, low=0.0)["low"]
    entropy = chao_shen(templates)
    assert low["template_entropy_bits"] == pytest.approx(entropy / math.log(2))
    assert low["statistic"] == pytest.approx(1 - entropy / math.log(400))


def test_the_low_bound_is_strict() -> None:
    rows = rows_of(_times(60), template=[7] * 59 + [8])
    same = _tails(rows, low=0.0)["low"]["statistic"]
    assert not _tails(rows, low=same)
    assert _tails(rows, low=math.nextafter(same, 0))


def test_a_person_who_never_asks_twice_is_in_neither_tail() -> None:
    rows = rows_of(_times(200), template=list(range(200)), script="Latn", language="en")
    assert not _tails(rows)


def test_a_relay_of_many_people_is_the_high_tail() -> None:
    rows = rows_of(
        _times(160),
        template=list(range(160)),
        script=["Latn", "Cyrl", "Hani", "Arab"],
        system_template=list(range(16)),
    )
    high = _tails(rows)["high"]
    assert high["statistic"] == pytest.approx(4.0)
    assert (high["kinds"], high["scripts"], high["system_templates"]) == (16, 4, 16)
    assert (high["languages"], high["n"], high["severity"]) == (0, 160, 1)


def test_the_high_bound_is_strict() -> None:
    rows = rows_of(_times(160), template=list(range(160)), system_template=list(range(8)))
    bits = _tails(rows, high=2.9)["high"]["statistic"]
    assert bits == pytest.approx(3.0)
    assert not _tails(rows, high=bits)
    assert _tails(rows, high=math.nextafter(bits, 0))


def test_a_chat_product_in_many_languages_looks_the_same() -> None:
    rows = rows_of(
        _times(160),
        template=list(range(160)),
        script="Latn",
        language=[f"l{k}" for k in range(16)],
    )
    assert _tails(rows)["high"]["languages"] == 16


def test_one_template_in_many_languages_is_no_relay() -> None:
    rows = rows_of(_times(160), template=7, language=[f"l{k}" for k in range(16)])
    assert set(_tails(rows)) == {"low"}


def test_twins_are_found_by_half_a_simhash() -> None:
    """No template comes twice. Upper halves repeat, in both signs; then lower ones do."""
    kinds = {"template": list(range(160)), "system_template": list(range(16))}
    none = rows_of(_times(160), **kinds)
    assert _tails(none)["high"]["near_duplicates"] == 0
    upper = [((k % 4) - 2) * 2**32 + k for k in range(160)]
    assert _tails(rows_of(_times(160), simhash=upper, **kinds))["high"]["near_duplicates"] == 1
    lower = [(k - 80) * 2**32 + min(k, 120) for k in range(160)]
    assert _tails(rows_of(_times(160), simhash=lower, **kinds))["high"]["near_duplicates"] == 0.25


def test_twins_of_the_low_tail_share_a_template() -> None:
    rows = rows_of(_times(60), template=[*range(30), *[99] * 30])
    assert _tails(rows, low=0.0)["low"]["near_duplicates"] == 0.5


def test_prompts_without_a_template_or_account_are_left_out() -> None:
    assert not _tails(rows_of(_times(200), template=None))
    assert not measured(Repetition(), rows_of(_times(200), template=7, account_id=None))


def test_one_exchange_is_neither_repetitive_nor_various() -> None:
    low = Repetition(min_exchanges=1, low=0.0, high=0.0)
    assert measured(low, rows_of([MIDNIGHT], template=7, script="Latn")) == []
