"""Forms: slots filled in order, words that an owner keeps, frames in the account's language."""

import numpy as np
import pyarrow as pa
import pytest

from stillhunt.lab.forms import bank, forms
from stillhunt.lab.grammar import LANGUAGES

FILES = ("agencies", "audits", "bots", "classes", "dynamic", "hackathons", "handover", "judges",
         "learning", "migrations", "offices", "rag", "redteams", "releases", "saas", "suites",
         "synthetic")  # fmt: skip
GIVEN = ("client", "idea", "item", "mine", "now", "nr", "options", "task", "user")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("brief", [True, False])
def test_every_form_is_filled(name: str, brief: bool) -> None:
    kit, n = forms(name), 70
    rows = np.arange(n)
    said = kit.write(
        np.random.default_rng(1), rows % len(kit), rows, rows % len(LANGUAGES),
        given={x: pa.array([f"<{x}>"] * n) for x in GIVEN},
        output_tokens=None if brief else np.full(n, 100),
    )  # fmt: skip
    texts = said.prompt.to_pylist() + [s for s in said.system.to_pylist() if s]
    assert not [
        t for t in texts if not t or "{}" in t or "{S" in t or "{s" in t.replace('{"s', "")
    ]
    assert (said.output is None) == brief
    assert (said.input_tokens > 0).all()
    for number, form in enumerate(kit.forms):
        here = said.system.to_pylist()[number :: len(kit)]
        assert all((s is None) == (form.system is None) for s in here)


def test_an_owner_keeps_his_words_and_others_have_theirs() -> None:
    kit, n = forms("offices"), 400
    owner = np.arange(n) // 4
    zero = np.zeros(n, dtype=np.int64)
    said = kit.write(np.random.default_rng(1), zero + 1, owner, zero)
    systems = said.system.to_pylist()
    for first in range(0, n, 4):
        assert len(set(systems[first : first + 4])) == 1
    assert len(set(systems)) > 90
    assert len(set(said.prompt.to_pylist())) > 390


def test_a_frame_in_the_owner_s_language_is_picked_where_there_is_one() -> None:
    kit = forms("judges")
    german = np.full(50, LANGUAGES.index("de"))
    picked = kit.pick(np.arange(50), german)
    assert {kit.forms[p].language for p in picked.tolist()} <= {"de", ""}
    assert "de" in {kit.forms[p].language for p in picked.tolist()}
    assert (picked == kit.pick(np.arange(50), german)).all()
    english = kit.pick(np.arange(50), german * 0)
    assert {kit.forms[p].language for p in english.tolist()} == {""}


def test_slots_of_two_forms_do_not_swap_their_sentences() -> None:
    kit, n = forms("rag"), 200
    form = np.arange(n) % 2  # documents with eight sentences at least, and a context of six
    texts = kit.write(
        np.random.default_rng(1), form, np.arange(n), np.zeros(n, dtype=np.int64),
        output_tokens=np.full(n, 50),
    ).prompt.to_pylist()  # fmt: skip
    for number, text in enumerate(texts):
        question = text.rsplit("Question: " if number % 2 == 0 else "Query: ", 1)[1]
        assert len(question) < 250
        assert len(text) > 350


def test_a_bank_is_the_same_for_everybody() -> None:
    assert bank("x", 50, "exercise", "en").equals(bank.__wrapped__("x", 50, "exercise", "en"))
    assert not bank("x", 50, "ask", "en").equals(bank("y", 50, "ask", "en"))
    assert len(set(bank("x", 500, "ask", "fr").to_pylist())) > 400
