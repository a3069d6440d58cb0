"""A second chance for lines that are nearly JSON."""

import json

import pytest

from stillhunt.hunt.mending import mend_json, parsed, shallow


def nested(depth: int) -> str:
    return "[" * depth + "7" + "]" * depth


def test_what_is_nested_too_deep_is_null_and_the_rest_stays() -> None:
    text = f'{{"a": {nested(99)}, "b": {nested(100)}, "c": [{nested(5_000)}, 8], "d": "[[{{\\""}}'
    found = json.loads(shallow(text))
    assert found["a"] == json.loads(nested(99))
    assert found["b"] == json.loads(nested(100).replace("[7]", "null"))
    assert found["d"] == '[[{"'
    assert found["c"][1] == 8


@pytest.mark.parametrize("text", ["", "]", "[[", '"', '"a\\', '{"a": "[', nested(100), "]]" * 300])
def test_what_is_not_too_deep_stays_as_it_is(text: str) -> None:
    assert shallow(text) == text


def test_no_nesting_makes_a_line_unreadable() -> None:
    assert parsed(f'{{"deep": {nested(100_000)}, "who": "a"}}')["who"] == "a"
    mended = mend_json(f'{{"deep": {nested(100_000)}, "who": "\\ud800"}}')
    assert json.loads(mended)["who"] == "\ufffd"


@pytest.mark.parametrize("text", ["[" * 5_000, "[" * 5_000 + '"' + '\\"' * 9, "9" * 9_000])
def test_what_is_no_json_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not JSON: "):
        parsed(text)
