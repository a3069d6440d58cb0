"""Keys: the same name the same number, wherever it stands, and nobody else's."""

import tracemalloc

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.hunt.tail.keys import Keyer

names = st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=30)


@settings(deadline=None)
@given(names, names)
def test_a_name_has_one_key_wherever_it_stands(first: list[str], second: list[str]) -> None:
    keyer = Keyer(7)
    whole = keyer.keys([pa.array([*first, *second], pa.string())])
    parts = [keyer.keys([pa.array(some, pa.string())]) for some in (first, second)]
    assert (whole == np.concatenate(parts)).all()
    sliced = pa.array([*first, *second], pa.string()).slice(len(first))
    assert (keyer.keys([sliced]) == parts[1]).all()


def test_different_names_have_different_keys() -> None:
    many = [f"192.0.2.{k}" for k in range(256)] + [f"{k}" * k for k in range(1, 400)]
    many += ["a", "a\0", "\0a", "aa", "é", ""]
    keys = Keyer(7).keys([pa.array(sorted(set(many)))])
    assert len(np.unique(keys)) == len(set(many))


def test_the_parts_of_a_pair_do_not_run_together() -> None:
    keyer = Keyer(7)
    left = keyer.keys([pa.array(["ab", "a", None, "a"]), pa.array(["c", "bc", "a", None])])
    assert len(np.unique(left)) == 4


def test_another_installation_has_other_keys() -> None:
    name = [pa.array(["192.0.2.1"])]
    assert Keyer(7).keys(name) != Keyer(8).keys(name)
    assert Keyer(7).keys(name) == Keyer(7).keys(name)


def test_long_names_are_told_apart_behind_their_256th_byte() -> None:
    long = pa.array(["x" * 300 + "a", "x" * 300 + "b", "x" * 256, "x" * 257], pa.large_string())
    assert len(np.unique(Keyer(7).keys([long]))) == 4


def test_a_long_name_takes_no_more_memory_than_it_has_letters() -> None:
    column = pa.array(["x" * 2_000_000 + end for end in "abc"] + ["192.0.2.1"])
    alone = Keyer(7).keys([pa.array(["192.0.2.1"])])
    tracemalloc.start()
    keys = Keyer(7).keys([column])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert len(np.unique(keys)) == 4
    assert keys[3] == alone[0]
