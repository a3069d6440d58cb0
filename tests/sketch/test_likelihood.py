import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhunt.sketch.likelihood import log_gamma, log_mixture, negative_binomial


@given(st.floats(1e-3, 1e9))
def test_log_gamma_is_that_of_the_standard_library(x: float) -> None:
    assert float(log_gamma(x)) == pytest.approx(math.lgamma(x), rel=1e-10, abs=1e-9)


@given(st.floats(0.5, 40.0), st.floats(0.5, 50.0))
def test_the_counts_above_zero_have_all_the_probability(mean: float, size: float) -> None:
    counts = np.arange(1, 6_000)
    assert np.exp(negative_binomial(counts, mean, size)).sum() == pytest.approx(1.0, abs=1e-6)


def test_a_mixture_lies_between_its_parts_and_survives_tiny_likelihoods() -> None:
    mixed = log_mixture([(0.5, np.array([-2_000.0])), (0.5, np.array([-2_010.0]))])
    assert mixed[0] == pytest.approx(-2_000.0 + math.log(0.5), abs=1e-4)
