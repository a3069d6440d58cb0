"""What leaves the house is plain ASCII on one line."""

import json

from desk_kit import HOSTILE, finding
from hypothesis import given, strategies
from hypothesis import settings as hypothesis_settings

from stillhunt.desk.wording import as_line, ascii_json, one_line
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
