import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stillhunt.sketch import alphabet, template
from stillhunt.sketch.kernels import text

SEEDS = st.sampled_from([0, 1, 2**63, 2**64 - 1, 0x9E37_79B9_7F4A_7C15])
# Near misses of everything that the scanner looks for; random text never gets near it.
BITS = [
    "a", "word", "the", "Ünïcödé", "e\u0301", "'", "\u2019", "don't", "12", "3", "\u0661", "x1",
    '"', "\u201c", "\u201d", "\u00ab", "\u00bb", "\u300c", "\u300d", "`", "``", "```", "```py\n",
    "\n", "\n\n", "\r\n", "\u2028", " ", "\t", ": ", ":", "\uff1a", "::", ":/", "\\", "- ", "-",
    "* ", "\u2022 ", "\u2022", "\u2013 ", "1. ", "123. ", "1234. ", "(a) ", "(1)", "A) ", "b.",
    "> ", "|", "{", "}", ";", "=", "<", "_", "http", "https://", "HTTP://x.y/z?q=1",
    "www.", "WWW.x",
    "\u4e2d", "\u4e2d\u6587", "\u3042", "\u30a2", "\u0e44", "\ud55c", "\u0438 \u043d\u0435",
    "\u200b", "\ufeff", "\U0001f600", "\U00020000", "\U000e0041", "\U0001d400", "\U0010ffff",
    "\uff21", "\uff02", "\uff40", "\uffff", "\x00", "\u0130", "\u1e9e", "\u2029", "\u0085",
    "Question: ", "Answer:", "word " * 23, "word " * 25, "der die das und ist ",
]  # fmt: skip
NEAR_MISSES = st.lists(st.sampled_from(BITS), max_size=40).map("".join)


def run(texts: list[str], seed: int) -> text.Sketches:
    encoded = [t.encode() for t in texts]
    offsets = np.concatenate([[0], np.cumsum([len(e) for e in encoded])]).astype(np.int32)
    return text.sketch(offsets, np.frombuffer(b"".join(encoded), np.uint8), None, seed)


def assert_as_in_reference(texts: list[str], seed: int) -> None:
    found = run(texts, seed)
    for i, one in enumerate(texts):
        wanted = template.sketch(one, seed)
        assert found.words[i] == wanted.words
        assert alphabet.SCRIPTS[found.script[i]] == wanted.script
        assert found.has_fill[i] == (wanted.fill_hash is not None)
        if wanted.words == 0:
            continue
        for name in ("template", "prefix_hash", "simhash"):
            assert getattr(found, name)[i] == getattr(wanted, name), name
        if wanted.fill_hash is not None:
            assert found.fill_hash[i] == wanted.fill_hash
        for name in ("unique_ratio", "word_entropy", "shingle_entropy"):
            assert getattr(found, name)[i] == pytest.approx(getattr(wanted, name), abs=1e-5), name
        if wanted.script in alphabet.STOP_WORD_SCRIPTS:
            assert (alphabet.LANGUAGES[found.language[i]] or None) == wanted.language


@settings(max_examples=300, deadline=None)
@given(st.lists(NEAR_MISSES, min_size=1, max_size=4), SEEDS)
@example(["", "?", "1 2 3", '"', "'''", "a", "a b", "\n", "Name:"], 7)
def test_near_misses_come_out_as_in_the_reference(texts: list[str], seed: int) -> None:
    assert_as_in_reference(texts, seed)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5), SEEDS)
def test_any_unicode_comes_out_as_in_the_reference(texts: list[str], seed: int) -> None:
    assert_as_in_reference(texts, seed)


def test_every_character_comes_out_as_in_the_reference() -> None:
    codes = [c for c in range(0x30000) if not 0xD800 <= c < 0xE000]
    texts = ["a" + "b".join(map(chr, codes[i : i + 512])) for i in range(0, len(codes), 512)]
    assert_as_in_reference(texts[::3], 5)


def test_long_texts_come_out_as_in_the_reference() -> None:
    rng = np.random.default_rng(1)
    words = [f"w{chr(97 + a)}{chr(97 + b)}" for a in range(26) for b in range(26)]
    assert_as_in_reference([" ".join(rng.choice(words, n)) for n in (4_095, 4_097, 9_000)], 3)


def test_absent_texts_are_left_at_zero() -> None:
    data = np.frombuffer(b"hellohello", np.uint8)
    found = text.sketch(np.array([0, 5, 10]), data, np.array([True, False]), 1)
    assert found.words.tolist() == [1, 0]
    assert found.template[1] == 0


def test_bytes_that_are_no_utf8_are_never_read_past_their_end() -> None:
    tails = (
        b"\xe2",
        b"\xe2\x80",
        b"\xf0\x9f\x98",
        b"\xc3",
        b"\x80",
        b"\xff",
        b"```",
        b"http:/",
    )
    for tail in tails:
        data = np.frombuffer(tail + b"\x80\xa8secret", np.uint8)
        alone = np.frombuffer(tail, np.uint8)
        offsets = np.array([0, len(tail)])
        beside = text.sketch(offsets, data, None, 1)
        assert beside.words.tolist() == text.sketch(offsets, alone, None, 1).words.tolist()


@pytest.mark.parametrize(
    "unit", ['"', "\u201c", "`", "a:", "\n", "a\n", "- \n", "```\n", "x", "a ", "\u4e2d", "{",
             "1", " ", "www.", "Q: b\n", "\u200b", '" \u201d\u201c'],
)  # fmt: skip
def test_time_is_linear_in_the_bytes_whatever_they_are(unit: str) -> None:
    def seconds(size: int) -> float:
        texts = [unit * (size // len(unit.encode()))]
        return min(_timed(texts) for _ in range(3))

    run(["warm"], 1)
    # Quadratic would be 64 times; eight is linear, the rest is noise of a shared machine.
    assert seconds(1_000_000) < 30 * max(seconds(125_000), 0.001)


def _timed(texts: list[str]) -> float:
    started = time.thread_time()
    run(texts, 1)
    return time.thread_time() - started


def test_one_type_is_compiled_for_all_inputs() -> None:
    run(["a"], 1)
    text.sketch(np.array([0, 1]), np.array([97], np.uint8), np.array([True]), 2**64 - 1)
    assert len(text._run.signatures) == 1  # type: ignore[attr-defined]  # numba's dispatcher
    assert text.is_compiled()
