"""Sentences: every slot filled, rows in their places, languages in their scripts."""

import numpy as np
import pyarrow as pa
import pytest

from stillhunt.lab.grammar import LANGUAGES, grammar, phrases, place


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["ask", "follow", "state"])
def test_no_slot_stays_open(language: str, kind: str) -> None:
    said = grammar(language).sentences(np.random.default_rng(1), 400, kind).to_pylist()
    assert len(said) == 400
    assert not [s for s in said if not s or "{" in s or "}" in s]


def test_a_text_has_as_many_sentences_as_asked_for() -> None:
    counts = np.array([1, 3, 2])
    texts = grammar("de").texts(np.random.default_rng(1), counts, "state").to_pylist()
    assert [t.count(". ") + 1 for t in texts] == [1, 3, 2]


def test_no_text_at_all_is_fine() -> None:
    texts = grammar("en").texts(np.random.default_rng(1), np.zeros(0, dtype=np.int64), "ask")
    assert len(texts) == 0


def test_questions_rarely_repeat() -> None:
    said = grammar("en").sentences(np.random.default_rng(1), 2_000, "ask").to_pylist()
    assert len(set(said)) > 1_900


def test_the_indefinite_article_fits_the_next_word() -> None:
    said = " ".join(grammar("en").sentences(np.random.default_rng(1), 2_000, "state").to_pylist())
    assert not [w for w in "aeio" if f" a {w}" in said]


def test_rows_return_to_their_places() -> None:
    parts = [
        (np.array([2, 0]), pa.array(["c", "a"])),
        (np.array([], dtype=np.int64), pa.array([], pa.string())),
        (np.array([1]), pa.array(["b"])),
    ]
    assert place(parts).to_pylist() == ["a", "b", "c"]


def test_every_job_has_what_a_pipeline_needs() -> None:
    file = phrases("jobs")
    for job in file["job"]:
        assert job["output_tokens"] < job["max_tokens"]
        assert job["sentences"][0] < job["sentences"][1]
        for name in ("lead", "middle", "tail"):
            for text in job[name]:
                assert "{" not in text.format(company="C", style="S", key="K")
