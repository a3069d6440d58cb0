"""Slices of log time: every exchange once, a bounded number in each."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_kit import MINUTE, NOON, MemoryLake, exchange

from stillhunt.hunt.slices import slices


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.integers(0, 20 * MINUTE) | st.integers(0, 20).map(lambda n: n * MINUTE),
        min_size=1,
        max_size=50,
    ),
    st.integers(1, 20),
)
def test_every_exchange_lies_in_one_slice(sent: list[int], rows: int) -> None:
    times = [NOON + t for t in sent]
    parts = slices(MemoryLake([exchange(t) for t in times]).connect(), rows)
    counts = [sum(part.from_us < t <= part.until_us for t in times) for part in parts]
    assert sum(counts) == len(times)
    for t in times:
        assert sum(part.from_us < t <= part.until_us for part in parts) == 1
    fullest = max(
        sum(t // MINUTE == minute for t in times) for minute in {t // MINUTE for t in times}
    )
    assert max(counts) <= rows + fullest
    assert all((part.from_us + 1) % MINUTE == 0 for part in parts)


def test_an_empty_lake_has_no_slices() -> None:
    assert slices(MemoryLake([]).connect()) == ()
