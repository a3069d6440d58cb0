import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_text import NEAR_MISSES, SEEDS

from stillhunt.sketch import pieces
from stillhunt.sketch.kernels import text
from stillhunt.sketch.template import CAP

WORDS = [f"w{chr(97 + a)}{chr(97 + b)}" for a in range(26) for b in range(26)]
PROSE = st.lists(st.sampled_from([*WORDS[:40], "7", "x1", "www.a.b"]), max_size=120).map(" ".join)


def found(texts: list[str], seed: int) -> list[list[int]]:
    encoded = [t.encode() for t in texts]
    offsets = np.concatenate([[0], np.cumsum([len(e) for e in encoded])])
    data = np.frombuffer(b"".join(encoded), np.uint8)
    rows = text.sketch(offsets, data, None, seed, with_pieces=True).pieces.tolist()
    for row in rows:  # nothing stands behind the first place that is free
        assert all(piece == -1 for piece in row[len([p for p in row if p >= 0]) :])
    return [[piece for piece in row if piece >= 0] for row in rows]


def assert_as_in_reference(texts: list[str], seed: int) -> None:
    assert found(texts, seed) == [pieces.pieces(one, seed) for one in texts]


@settings(max_examples=200, deadline=None)
@given(st.lists(PROSE, min_size=1, max_size=4), SEEDS)
@example(["", "a", "a b", "a b c", "a b c d", "a b c d e", "1 2 3", "a 1 2 b", "a 1 2 b c"], 7)
def test_prose_comes_out_as_in_the_reference(texts: list[str], seed: int) -> None:
    assert_as_in_reference(texts, seed)


@settings(max_examples=200, deadline=None)
@given(st.lists(NEAR_MISSES, min_size=1, max_size=4), SEEDS)
def test_near_misses_come_out_as_in_the_reference(texts: list[str], seed: int) -> None:
    assert_as_in_reference(texts, seed)


def test_many_short_texts_come_out_as_in_the_reference() -> None:
    rng = np.random.default_rng(2)
    texts = [" ".join(rng.choice(WORDS, n)) for n in rng.integers(0, 9, 2_000)]
    assert_as_in_reference(texts, 3)
    assert sum(map(len, found(texts, 3))) > 50  # so that not only nothing was compared


def test_both_sides_of_the_longest_text_come_out_as_in_the_reference() -> None:
    rng = np.random.default_rng(1)
    for size in (CAP - 1, CAP, CAP + 1, 2 * CAP):
        assert_as_in_reference([" ".join(rng.choice([*WORDS, "4"], size))], 3)


def test_a_shingle_over_and_over_is_one_piece() -> None:
    rng = np.random.default_rng(4)
    texts = [(" ".join(rng.choice(WORDS, n)) + " ") * 9 for n in range(5, 90)]
    assert_as_in_reference(texts, 11)
    assert {*map(len, found(texts, 11))} == {*range(pieces.MOST + 1)}


def test_nobody_gets_pieces_who_did_not_ask() -> None:
    data = np.frombuffer(b"one two three", np.uint8)
    assert text.sketch(np.array([0, 13]), data, None, 1).pieces.shape == (0, pieces.MOST)


def test_an_absent_text_has_no_pieces() -> None:
    data = np.frombuffer(b"one two three four five " * 50, np.uint8)
    offsets = np.array([0, 600, 1_200])
    valid = np.array([False, True])
    rows = text.sketch(offsets, data, valid, 1, with_pieces=True).pieces
    assert (rows[0] == -1).all()
