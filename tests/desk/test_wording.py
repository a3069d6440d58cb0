"""What leaves the house is plain ASCII on one line."""

import json

from desk_kit import HOSTILE, finding
from hypothesis import given, strategies
from hypothesis import settings as hypothesis_settings

from stillhunt.desk.wording import as_line, ascii_json, one_line, shorter
from stillhunt.hunt.report.document import read_findings

TEXTS = strategies.text() | strategies.just(HOSTILE)


@hypothesis_settings(max_examples=100, deadline=None)
@given(strategies.dictionaries(TEXTS, TEXTS | strategies.floats(), max_size=3), TEXTS)
def test_no_name_leaves_as_anything_but_printable_ascii(
    names: dict[str, str | float], detector: str
) -> None:
    item = finding(subject=names, peer=names, evidence=names, detector=detector)
    for text in (one_line(item), ascii_json(as_line(item))):
        assert all(" " <= character <= "~" for character in text)
    assert not set("<>&") & set(ascii_json(as_line(item)))


def test_json_says_the_same_after_all_the_escaping() -> None:
    item = finding(subject={"account_id": HOSTILE})
    assert json.loads(ascii_json(as_line(item)))["subject"]["account_id"] == HOSTILE


def test_a_finding_comes_back_from_its_line_as_it_was() -> None:
    item = finding(peer={"account_id": "a2"}, p_value=0.25, first_alert_us=1_780_000_000_000_001)
    line = json.loads(ascii_json(as_line(item)))
    assert read_findings({"findings": [line]}) == (item,)


@hypothesis_settings(max_examples=100, deadline=None)
@given(TEXTS, strategies.sampled_from([16, 64, 256]))
def test_a_shorter_text_is_short_behind_the_escaping_and_a_short_one_is_whole(
    name: str, limit: int
) -> None:
    item = shorter(finding(subject={"account_id": name * 50}, peer={"account_id": "a2"}), limit)
    text = json.dumps(item.subject["account_id"])
    assert len(text) - 2 <= max(limit, 64 if set(text) <= set('"0123456789abcdefABCDEF.:/') else 0)
    assert item.peer == {"account_id": "a2"}


def test_a_shorter_finding_keeps_the_names_of_its_figures() -> None:
    item = shorter(finding(evidence={"distinct_templates_per_day": "x" * 99}), 16)
    assert list(item.evidence) == ["distinct_templates_per_day"]
    assert len(str(item.evidence["distinct_templates_per_day"])) < 16
