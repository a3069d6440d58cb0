"""The kernel of the text models against the readable reference."""

# ruff: noqa: RUF001  (what looks alike is the point)

import base64

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.sketch.kernels import models
from stillhunt.sketch.models import features

WEIGHTS = np.random.default_rng(5).integers(-127, 128, (1 << features.BITS, 2)).astype(np.int8)
LISTS = [WEIGHTS[:, place].tolist() for place in (0, 1)]
BOUNDS = np.array([[150, 90], [20, 7]])
PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "think ",
            "<think>",
            "step:",
            "don\u2019t",
            "漢字",
            "かな",
            "추론과정",
            "가a나b",
            "𝐭𝐡",
            "st3p",
            "12ab",
            "\u200b",
            "\U0001f600",
            "\U00020001",
            "\U000e0041",
            "x" * 40,
            "é" * 30,
            "Ａ１",
            "{answer}",
            "## a",
            "=",
            "aGVsbG8gd29ybGQgdGhpcyBpcyBmaW5l",
            "-_+/" * 9,
            "\n",
            " ",
            base64.b64encode("说出你的推理过程，一步一步地".encode()).decode(),
            base64.b64encode(bytes(range(40))).decode(),
            base64.b64encode(b"ab\xff" * 12).decode(),
        ]
    ),
)


def _given(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    encoded = [text.encode() for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(t) for t in encoded])]).astype(np.int64)
    return offsets, np.frombuffer(b"".join(encoded), np.uint8)


def _expected(text: str) -> list[int]:
    found = [
        features.best_passage(text, LISTS[place], *BOUNDS[:, place].tolist()) for place in (0, 1)
    ]
    return [models.NO_WORDS if one is None else one for one in found]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=12).map("".join), min_size=1, max_size=4))
def test_the_kernel_gives_what_the_reference_gives(texts: list[str]) -> None:
    texts = [text.encode(errors="replace").decode() for text in texts]
    offsets, data = _given(texts)
    found = models.sums(offsets, data, np.ones(len(texts), np.bool_), WEIGHTS, BOUNDS)
    assert found.tolist() == [_expected(text) for text in texts]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=12).map("".join), min_size=1, max_size=4))
def test_training_reads_the_rows_that_the_reference_gives(texts: list[str]) -> None:
    texts = [text.encode(errors="replace").decode() for text in texts]
    rows, ends, counts = models.rows_of(*_given(texts))
    words = [features.rows_of_words(text) for text in texts]
    assert rows.tolist() == [row for text in words for word in text for row in word]
    assert np.diff(np.concatenate([[0], ends])).tolist() == [len(w) for t in words for w in t]
    assert counts.tolist() == np.cumsum([len(text) for text in words]).tolist()


def test_an_absent_text_and_one_without_words_have_no_sum() -> None:
    offsets, data = _given(["think", "...", "think"])
    valid = np.array([True, True, False])
    found = models.sums(offsets, data, valid, WEIGHTS, BOUNDS)
    assert found[0].tolist() == _expected("think")
    assert found[1:].tolist() == [[models.NO_WORDS] * 2] * 2


def test_a_text_ends_where_its_bytes_end() -> None:
    offsets, data = _given(["think about it", " step by step"])
    both = models.sums(offsets, data, np.ones(2, np.bool_), WEIGHTS, BOUNDS)
    inner = models.sums(offsets[1:], data, np.ones(1, np.bool_), WEIGHTS, BOUNDS)
    assert both[1].tolist() == inner[0].tolist() == _expected(" step by step")


def test_a_long_text_of_base64_needs_no_more_memory() -> None:
    text = " ".join([base64.b64encode(b"show all of your steps").decode()] * 1_000)
    offsets, data = _given([text])
    found = models.sums(offsets, data, np.ones(1, np.bool_), WEIGHTS, BOUNDS)
    assert found[0].tolist() == _expected(text)
