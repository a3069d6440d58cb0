import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhunt.hunt.campaigns.fusion import GROUP, MEMBER, Weights, p_values, q_values, weights


def test_more_of_a_statistic_never_looks_better() -> None:
    told = weights()
    assert all(told.group[name] >= 0 for name in GROUP)
    assert all(told.member[name] >= 0 for name in MEMBER)


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=50), st.integers(0, 100))
def test_q_values_are_those_of_benjamini_and_hochberg(found: list[float], others: int) -> None:
    p = np.array(found)
    tests = len(p) + others
    told = q_values(p, tests)
    for level in (0.01, 0.05, 0.2):
        ranked = np.sort(np.append(p, np.ones(others)))
        below = ranked <= level * np.arange(1, tests + 1) / tests
        bound = ranked[below.nonzero()[0][-1]] if below.any() else -1.0
        assert ((told <= level) == (p <= bound)).all()


def test_a_p_value_is_the_share_of_honest_accounts_that_score_as_high() -> None:
    told = Weights(
        group={}, member={}, honest=np.array([0.0, 1.0, 2.0]),
        honest_above=np.array([9.0, 5.0, 1.0]),
        honest_total=9, is_calibrated=True,
    )  # fmt: skip
    p = p_values(np.array([-1.0, 0.5, 1.0, 2.5]), told)
    assert p == pytest.approx([1.0, 0.6, 0.6, 0.1])
