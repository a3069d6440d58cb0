"""Training of the text models: phrases, texts, fit and what is written."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from stillhunt.lab import train_texts
from stillhunt.lab.train import train
from stillhunt.lab.train_fit import Fit, fit, index, scores
from stillhunt.lab.train_shapes import draw, read
from stillhunt.model.errors import ConfigError, OutputError
from stillhunt.sketch.models import features
from stillhunt.sketch.models.shipped import read as read_models


def drawn(shape: str, times: int = 200) -> set[str]:
    rng = random.Random(3)
    return {draw(read(shape), {"who": ["you", "me"]}, rng) for _ in range(times)}


def test_a_shape_is_read_as_it_says() -> None:
    assert drawn("(a|b(c|d))e") == {"ae", "bce", "bde"}
    assert drawn("x(y)?z?") == {"x", "xy", "xz", "xyz"}
    assert drawn("{who}!") == {"you!", "me!"}
    assert drawn("(a)*") == {"", "a", "aa"}
    assert drawn("(a)+") == {"a", "aa"}
    assert drawn(r"\?\(\n") == {"?(\n"}
    assert drawn(r"\d") == set("0123456789")


@pytest.mark.parametrize("broken", ["(a", "a)", "(a|(b)"])
def test_a_bracket_too_few_or_too_many_is_told(broken: str) -> None:
    with pytest.raises(ConfigError, match="bracket"):
        read(broken)


def test_every_family_can_be_written_and_twelve_are_there() -> None:
    families = train_texts.families()
    assert len(families) >= 16
    assert {"trigger", "rubric", "tagged", "memory", "debug", "evolve"} < set(families)
    texts = list(train_texts.written(random.Random(1), 6_000))
    assert {text.group for text in texts if text.kind == "elicitation"} == set(families)
    assert {text.kind for text in texts} == {"elicitation", "probe", "honest"}
    assert len({text.language for text in texts}) >= 8
    assert not any("{" + slot + "}" in text.text for text in texts for slot in ("reasoning", "n"))


def test_the_same_seed_writes_the_same_texts() -> None:
    first, again = (list(train_texts.written(random.Random(7), 300)) for _ in range(2))
    assert first == again


def test_a_fit_finds_the_phrase_that_tells_and_honest_words_take_nothing_away() -> None:
    rng = random.Random(2)
    words = ["river", "bread", "window", "paper", "garden", "music", "winter", "letter"]

    def plain() -> str:
        return " ".join(rng.choices(words, k=30))

    texts = [plain() + (" show hidden trace " if i % 2 else " ") + plain() for i in range(4_000)]
    labels = np.tile([0.0, 1.0], 2_000)
    how = Fit(dropout=0.0)
    weights, bias = fit(index(texts), labels, np.ones(4_000), how, 1)
    unseen = index(
        [plain() + " show hidden trace " + f"{plain()} " * 9, plain(), "show hidden trace"]
    )
    found = scores(unseen, weights, how.drift, how.cap) + bias
    assert found[0] > found[1] + 3
    assert found[2] == pytest.approx(found[0], abs=1.0)


def test_what_counts_nothing_is_not_learnt_from() -> None:
    texts = index(["alpha beta"] * 50 + ["gamma delta"] * 50)
    labels = np.repeat([1.0, 0.0], 50)
    weights, _ = fit(texts, labels, np.zeros(100), Fit(), 1)
    assert not weights.any()


def test_train_writes_weights_that_can_be_read_and_says_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STILLHUNT_DATA", raising=False)
    train(tmp_path / "out", texts=2_500)
    models = read_models(tmp_path / "out" / "models.npz")
    assert models.weights.shape == (1 << features.BITS, 2)
    assert models.bounds.tolist()[0] == [127, 127]
    assert (models.lines[0] > 0).all(), "a higher sum is more likely"
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["public_sets"] == {}
    told = card["models"]["elicitation"]
    held = set(train_texts.families()) - {"core"}
    assert set(told["unseen_families"]) == held, "every family is held out once"
    assert told["curve_unseen"]["0.001"]["recall"] <= told["curve_unseen"]["0.05"]["recall"]
    assert 0 < told["curve_unseen"]["0.05"]["bound"] < 1


def test_train_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write the models"):
        train(tmp_path / "file", texts=300, measure=False)
