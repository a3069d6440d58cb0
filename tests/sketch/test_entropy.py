import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhunt.sketch.entropy import chao_shen, coverage, miller_madow, plug_in

COUNTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=50).filter(any).map(np.array)


@given(COUNTS)
def test_estimates_stay_in_their_ranges(counts: npt.NDArray[np.int64]) -> None:
    kinds = int((counts > 0).sum())
    assert 0 <= plug_in(counts) <= np.log2(kinds) + 1e-9
    assert miller_madow(counts) >= plug_in(counts)
    assert 0 <= coverage(counts) <= 1
    assert np.isfinite(chao_shen(counts)) and chao_shen(counts) >= 0


@given(st.integers(1, 200), st.integers(1, 100))
def test_even_counts_have_the_entropy_of_their_number(kinds: int, each: int) -> None:
    assert plug_in(np.full(kinds, each)) == pytest.approx(np.log2(kinds), abs=1e-9)


def test_by_hand() -> None:
    counts = np.array([4, 2, 1, 1, 0])
    assert plug_in(counts) == pytest.approx(1.75)
    assert miller_madow(counts) == pytest.approx(1.75 + 3 / 16 / np.log(2))
    assert coverage(counts) == 0.75
    shares = 0.75 * np.array([4, 2, 1, 1]) / 8
    wanted = -(shares * np.log2(shares) / (1 - (1 - shares) ** 8)).sum()
    assert chao_shen(counts) == pytest.approx(wanted)


def test_one_kind_has_no_entropy_and_full_coverage() -> None:
    assert plug_in(np.array([9])) == chao_shen(np.array([9])) == 0.0
    assert coverage(np.array([9])) == 1.0
    assert coverage(np.array([1, 1, 1])) == 0.0


def test_corrections_come_nearer_to_the_truth_on_small_samples() -> None:
    rng = np.random.default_rng(20261124)
    kinds, n = 200, 150  # uniform: the truth is log2 200 = 7.64 bits
    samples = [np.bincount(rng.integers(0, kinds, n), minlength=kinds) for _ in range(400)]
    means = [np.mean([f(s) for s in samples]) for f in (plug_in, miller_madow, chao_shen)]
    errors = np.abs(np.array(means) - np.log2(kinds))
    assert errors[0] > 0.8
    assert 0.4 < errors[1] < 0.7
    assert errors[2] < 0.1  # 400 samples of standard deviation 0.2: 0.01, ten times over


def test_bias_of_the_plug_in_is_what_miller_says() -> None:
    rng = np.random.default_rng(7)
    kinds, n = 20, 400
    found = np.mean(
        [plug_in(np.bincount(rng.integers(0, kinds, n), minlength=kinds)) for _ in range(2_000)]
    )
    bias = (kinds - 1) / (2 * n * np.log(2))
    assert np.log2(kinds) - found == pytest.approx(bias, rel=0.05)


def test_coverage_foretells_how_often_the_next_is_new() -> None:
    rng = np.random.default_rng(3)
    shares = 1 / np.arange(1, 2_001)
    shares /= shares.sum()
    said, missed = [], []
    for _ in range(200):
        seen = np.bincount(rng.choice(len(shares), 500, p=shares), minlength=len(shares))
        said.append(coverage(seen))
        missed.append(shares[seen == 0].sum())
    assert 1 - np.mean(said) == pytest.approx(np.mean(missed), abs=0.01)


@pytest.mark.parametrize("counts", [[], [0, 0], [3, -1]])
def test_impossible_counts_are_refused(counts: list[int]) -> None:
    for estimate in (plug_in, miller_madow, coverage, chao_shen):
        with pytest.raises(ValueError, match="counts must be"):
            estimate(np.array(counts, np.int64))
