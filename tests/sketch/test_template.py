import pytest

from stillhunt.sketch.template import SKETCH_VERSION, Sketch, sketch

SEED = 0x0123_4567_89AB_CDEF


def of(text: str) -> Sketch:
    return sketch(text, SEED)


def same(*texts: str) -> bool:
    return len({of(text).template for text in texts}) == 1


LONG = "the quick brown fox jumps over the lazy dog while nobody is looking at it " * 3


@pytest.mark.parametrize(
    "template",
    [
        "Classify the sentiment of this review: {}",
        'Translate "{}" into French.',
        "Summarise the text below in 3 sentences.\n\n{}\n\nSummary:",
        "Question: {}\nContext: {}\nAnswer:",
        "Fix this program.\n```python\nx = {}\n\ny = 2\n```\nExplain what was wrong.",
        "Given these options:\n- {}\n- other\n\nPick the best one.",
        "Answer the question below:\n\n{}\n\nGive one word.",
        "Open https://example.com/{} and tell me what it says",
    ],
)
def test_a_template_filled_twice_keeps_its_number(template: str) -> None:
    fills = ["alpha", LONG.strip(), "one two three four"]
    if "http" in template:
        fills = ["alpha", "b?c=1:2", "one/two"]
    filled = [template.format(*[fill] * template.count("{}")) for fill in fills]
    assert same(*filled)
    assert len({of(text).fill_hash for text in filled}) == len(fills)


def test_a_long_filling_may_come_first_and_a_short_one_cannot_be_told_from_a_line() -> None:
    template = "{}\n\nWhich of these is the best title?\n- A\n- B"
    assert same(template.format(LONG), template.format(LONG + "and more"))
    assert not same(template.format("alpha"), template.format("beta"))


def test_different_short_prompts_differ() -> None:
    prompts = ["how do I bake bread?", "how do I bake a cake?", "tell me a joke", "hi", "thanks"]
    assert len({of(p).template for p in prompts}) == len(prompts)


def test_numbers_case_accents_and_invisible_characters_do_not_count() -> None:
    assert same(
        "Give me 3 facts", "give me 12,000 facts", "GIVE ME 7 FÁCTS", "give\u200b me 1 facts"
    )


def test_number_of_lines_in_between_does_not_count() -> None:
    shots = "Input: a\nOutput: b\n"
    assert same(
        "Do it like this.\n" + shots + "Input:", "Do it like this.\n" + shots * 5 + "Input:"
    )


def test_a_label_may_have_twelve_words_and_no_more() -> None:
    twelve = " ".join(["word"] * 12)
    assert same(f"{twelve}: one", f"{twelve}: two")
    assert not same(f"{twelve} word: one", f"{twelve} word: two")


def test_a_line_of_24_words_is_kept_and_one_of_25_is_a_fill() -> None:
    def lines(n: int, last: str) -> str:
        return "Do as I say now.\n" + " ".join(["word"] * (n - 1) + [last])

    assert not same(lines(24, "one"), lines(24, "two"))
    assert same(lines(25, "one"), lines(25, "two"))


def test_a_text_without_a_frame_is_known_by_its_opening() -> None:
    assert same("one two three four five six " + LONG, "one two three four five six other " + LONG)
    assert not same("one two three four five six " + LONG, "one two three four five x " + LONG)


def test_a_colon_in_a_time_or_a_url_makes_no_label() -> None:
    assert not same("meet me at 12:30 today", "meet me at 12:30 tomorrow")
    assert not same("see https://example.com for this", "see https://example.com for that")


def test_a_quote_that_is_never_closed_masks_nothing() -> None:
    assert not same('say "hello there', 'say "goodbye there')
    assert not same('"a" and b "c"', '"a" or b "c"')


def test_an_opening_fence_hides_the_rest() -> None:
    assert same("Explain this code\n```\na\nb\n", "Explain this code\n```\nc\n")


def test_the_text_of_the_value_is_the_same_fill_under_another_label() -> None:
    fills = {of(f"{label}: {LONG}").fill_hash for label in ("Rate this review", "Who wrote this")}
    assert len(fills) == 1


@pytest.mark.parametrize("text", ["", " \n\t", "?!", "\U0001f600"])
def test_a_text_without_words_has_no_hashes(text: str) -> None:
    assert of(text) == Sketch(None, None, None, None, 0, None, None, None, "Zyyy", None)


def test_the_seed_changes_every_hash() -> None:
    one, two = sketch("Name: x\nAge: y", 1), sketch("Name: x\nAge: y", 2)
    for name in ("template", "prefix_hash", "fill_hash", "simhash"):
        assert getattr(one, name) != getattr(two, name)


def test_hashes_are_what_they_were() -> None:
    found = of('Review: "fine" film\n2 stars')
    # If this fails, lakes hold numbers that mean something else: raise SKETCH_VERSION.
    assert SKETCH_VERSION == 1
    assert found.template == -8188646970699437619
    assert found.prefix_hash == 3445006836239494374
    assert found.fill_hash == -6487970806499284117
    assert found.simhash == -6205465031325351851


@pytest.mark.parametrize(
    ("text", "script", "language"),
    [
        ("what is the capital of this country", "Latn", "en"),
        ("was ist das und wie ist der Weg", "Latn", "de"),
        ("zebra quagga okapi", "Latn", None),
        ("Привет, как это и что для", "Cyrl", "ru"),
        ("что это", "Cyrl", "ru"),
        ("你好世界", "Hani", "zh"),
        ("これは漢字です", "Jpan", "ja"),
        ("한국어 문장", "Hang", "ko"),
        ("ภาษาไทย", "Thai", "th"),
        ("שלום עולם", "Hebr", "he"),
        ("Καλημέρα κόσμε", "Grek", "el"),
        ("مرحبا بالعالم", "Arab", None),
        ("नमस्ते दुनिया", "Deva", None),
        ("12 34", "Zyyy", None),
        ("\uff28\uff45\uff4c\uff4c\uff4f", "Latn", None),
        ("\U00020000\U00020001", "Hani", "zh"),
        ("\U00010330\U00010331", "Zzzz", None),
    ],
)
def test_script_and_language(text: str, script: str, language: str | None) -> None:
    assert (of(text).script, of(text).language) == (script, language)


def test_a_character_without_blanks_is_half_a_word() -> None:
    assert of("你好世界").words == 4
    head = "请帮我写一篇文章关于人工"  # 12 characters: six words
    assert same(head + "智能" * 30, head + "历史" * 30)
    assert not same(head[:11] + "天" + "智能" * 30, head + "智能" * 30)


def test_entropies_are_those_of_the_words() -> None:
    found = of("a a b b c c d d")
    assert found.word_entropy == pytest.approx(2.0)
    assert found.unique_ratio == 0.5
    assert found.shingle_entropy == pytest.approx(2.584962500721156)  # six different shingles
    assert of("a").word_entropy == 0.0


def test_statistics_see_4096_words_and_words_counts_all() -> None:
    found = of("x " * 4_096 + "a b c d")
    assert (found.words, found.word_entropy) == (4_100, 0.0)


def test_simhash_of_similar_texts_is_near() -> None:
    words = [f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(200)]
    one = of(" ".join(words)).simhash
    near = of(" ".join([*words[:100], "changed", *words[101:]])).simhash
    far = of(" ".join(w + "x" for w in words)).simhash
    assert one is not None and near is not None and far is not None
    assert ((one ^ near) & (2**64 - 1)).bit_count() < 12 < ((one ^ far) & (2**64 - 1)).bit_count()
