"""A mistake in a query changes an answer that is written down, or is known to change none."""

from functools import cache

import pytest
from golden_files import read_answers, read_mistakes
from killers import Seen, own_tests_see, seen_by
from mutants import EQUIVALENT, excuse, sites
from queries import NAMES, RULES, query


@cache
def _seen(name: str) -> Seen:
    return seen_by(name, read_answers(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_in_a_query_is_seen_or_changes_no_answer(name: str) -> None:
    seen = _seen(name)
    assert {label for label, by in seen.items() if not by} == {
        label for label in seen if excuse(name, label)
    }
    assert set(EQUIVALENT.get(name, {})) <= set(seen)


@pytest.mark.parametrize("name", NAMES)
def test_the_list_says_who_sees_a_mistake(name: str) -> None:
    listed = read_mistakes(name)
    for label, by in _seen(name).items():
        assert by == {one for one in listed[label].split(", ") if one in ("answers", "subset")}


@pytest.mark.parametrize("name", RULES)
def test_the_list_says_what_a_rules_own_tests_see(name: str) -> None:
    listed = read_mistakes(name)
    seen: dict[str, bool] = {}
    for label, is_seen in own_tests_see(name):
        seen[label] = seen.get(label, False) or is_seen
    assert seen == {label: "own tests" in by.split(", ") for label, by in listed.items()}


def test_each_kind_of_mistake_is_made() -> None:
    kinds = {label.partition(":")[0] for name in NAMES for _, label in sites(query(name))}
    assert kinds == {"sign", "sum", "tie-break", "guard"}
