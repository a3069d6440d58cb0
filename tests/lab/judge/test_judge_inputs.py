"""What the judge reads: right lines, and clear words about wrong ones."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from stillhunt.lab.judge.exchanges import stage
from stillhunt.lab.judge.said import read_report
from stillhunt.lab.judge.truth import Known, read_truth
from stillhunt.model.errors import InputError

REPORT: dict[str, Any] = {"schema": "stillhunt.report/1", "accounts": [], "campaigns": []}
KNOWN = {name: Known(False, None, "person", None) for name in ("a", "b", "c")}


def write(path: Path, *lines: object) -> Path:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def row(account: str | None, ts_us: int, **more: object) -> dict[str, object]:
    return {"ts_us": ts_us, "account_id": account, **more}


def test_a_truth_knows_labels_kinds_and_groups(tmp_path: Path) -> None:
    known = read_truth(
        write(
            tmp_path / "truth.jsonl",
            {"account_id": "a", "label": "attack", "campaign": "pool", "kind": "relay",
             "group": "pool-1"},
            "",
            {"account_id": "b", "label": "attack", "campaign": "pool", "kind": "relay"},
            {"account_id": "c", "label": "benign", "campaign": None, "extra": 1},
        )
    )  # fmt: skip
    assert known == {
        "a": Known(True, "pool", "relay", "pool-1"),
        "b": Known(True, "pool", "relay", "pool"),
        "c": Known(False, None, "unknown", None),
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "not JSON"),
        ("[1]", "expected a JSON object"),
        ('{"label": "benign"}', "account_id is missing"),
        ('{"account_id": 7, "label": "benign"}', "account_id is '7'; expected text"),
        ('{"account_id": "b", "label": "bad"}', "label is 'bad'; expected benign or attack"),
        ('{"account_id": "b"}', "label is 'None'; expected benign or attack"),
        ('{"account_id": "b", "label": "attack"}', "campaign is 'None'; expected a name"),
        ('{"account_id": "b", "label": "benign", "campaign": "x"}', "null where it is benign"),
        ('{"account_id": "b", "label": "benign", "kind": 3}', "kind is '3'; expected text"),
        ('{"account_id": "a", "label": "benign"}', "second time; expected one line each"),
    ],
)
def test_a_wrong_line_of_the_truth_is_named(tmp_path: Path, line: str, expected: str) -> None:
    path = write(tmp_path / "truth.jsonl", {"account_id": "a", "label": "benign"}, "", line)
    with pytest.raises(InputError) as caught:
        read_truth(path)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert expected in str(caught.value)


def test_a_truth_that_is_missing_empty_or_binary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the truth"):
        read_truth(tmp_path / "none")
    with pytest.raises(InputError, match="no account in it"):
        read_truth(write(tmp_path / "empty"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_truth(tmp_path / "binary")


def test_a_report_is_read_for_what_is_judged_and_may_hold_more(tmp_path: Path) -> None:
    account = {"account_id": "a", "severity": 4, "score": 7.0, "families": {"x": 1}}
    campaign = {"id": "c", "severity": 5, "confidence": 0.9, "accounts": ["a"],
                "first_alert_at": "2026-09-07T12:00:00Z"}  # fmt: skip
    path = write(
        tmp_path / "r.json", REPORT | {"accounts": [account], "campaigns": [campaign], "more": 1}
    )
    said = read_report(path)
    assert (said.accounts[0].score, said.accounts[0].q_value) == (7.0, None)
    assert said.campaigns[0].first_alert_at is not None
    assert said.campaigns[0].first_alert_at.isoformat() == "2026-09-07T12:00:00+00:00"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('{"a":\n}', ":2: not JSON"),
        ("[]", "valid dictionary"),
        (REPORT | {"schema": "stillhunt.report/9"}, "schema is 'stillhunt.report/9'"),
        ({"schema": "stillhunt.report/1", "accounts": []}, "campaigns: field required"),
        (REPORT | {"accounts": [{"account_id": "a", "severity": 9}]}, "accounts[0].severity is"),
        (REPORT | {"accounts": [{"account_id": "a", "severity": 3, "score": "x"}]},
         "accounts[0].score is 'x'"),
        (REPORT | {"accounts": [{"account_id": "a", "severity": 3}] * 2}, "'a' is listed twice"),
        (REPORT | {"campaigns": [{"id": "c", "severity": 3, "accounts": []}] * 2},
         "campaign 'c' is listed twice"),
        (REPORT | {"campaigns": [{"id": "c", "severity": 3, "accounts": [],
                                  "first_alert_at": "2026-09-07T12:00:00"}]}, "timezone"),
    ],
)  # fmt: skip
def test_a_wrong_report_is_refused_by_its_place(
    tmp_path: Path, document: object, expected: str
) -> None:
    path = write(tmp_path / "r.json", document)
    with pytest.raises(InputError) as caught:
        read_report(path)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)


def test_a_report_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the report"):
        read_report(tmp_path / "none")


LINES = (
    row("a", 5_000_000, output_tokens=10, org_id="o", source_ip="192.0.2.1"),
    row("b", 6_000_000, source_ip="192.0.2.1"),
    "",
    {"ts": "1970-01-01T00:00:07Z", "account_id": "a", "output_tokens": 5},
    row("x", 8_000_000, output_tokens=100),
    row(None, 9_000_000),
)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_exchanges_are_counted_and_summed_by_account(tmp_path: Path, suffix: str) -> None:
    plain = write(tmp_path / "plain", *LINES)
    path = tmp_path / f"[odd] *name?.jsonl{suffix}"
    data = plain.read_bytes()
    packed = {"": data, ".gz": gzip.compress(data), ".zst": zstandard.compress(data)}
    path.write_bytes(packed[suffix])
    found = stage(path, KNOWN, tmp_path)
    assert found.sent.exchanges.tolist() == [2, 1, 0]
    assert found.sent.output_tokens.tolist() == [15, 0, 0]
    assert found.sent.org == ("o", None, None)
    assert found.sent.strangers == 2
    rows = found.ask("SELECT account, ts_us, address FROM exchanges ORDER BY ts_us").to_pylist()
    assert [(r["account"], r["ts_us"]) for r in rows] == [
        (0, 5_000_000), (1, 6_000_000), (0, 7_000_000)
    ]  # fmt: skip
    assert rows[0]["address"] == rows[1]["address"] is not None
    assert rows[2]["address"] is None


def test_tokens_until_a_moment_do_not_count_the_moment(tmp_path: Path) -> None:
    found = stage(write(tmp_path / "e.jsonl", *LINES), KNOWN, tmp_path)
    for moment, tokens in ((5_000_000, 0), (5_000_001, 10), (7_000_000, 10), (7_000_001, 15)):
        assert found.tokens_until(np.array([moment, 0, 0])).tolist() == [tokens, 0, 0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"ts_us": 1, "account_id"', "not JSON"),
        ("[1]", "expected a JSON object"),
        ('{"ts_us": "soon", "account_id": "a"}', "ts_us is 'soon'; expected a whole number"),
        ('{"ts_us": 1, "output_tokens": [2]}', "output_tokens is '[2]'; expected a whole number"),
        ('{"account_id": "a"}', "ts is 'None'; expected RFC 3339"),
        ('{"ts": "yesterday", "account_id": "a"}', "ts is 'yesterday'; expected RFC 3339"),
    ],
)
def test_a_wrong_line_of_the_exchanges_is_named(tmp_path: Path, line: str, expected: str) -> None:
    path = write(tmp_path / "e.jsonl", row("a", 1), "", row("b", 2), line)
    with pytest.raises(InputError) as caught:
        stage(path, KNOWN, tmp_path)
    assert str(caught.value).startswith(f"{path}:4: ")
    assert expected in str(caught.value)


def test_exchanges_that_are_missing_empty_or_damaged_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        stage(tmp_path / "none", KNOWN, tmp_path)
    with pytest.raises(InputError, match="no exchange in it"):
        stage(write(tmp_path / "empty.jsonl"), KNOWN, tmp_path)
    packed = zstandard.compress(write(tmp_path / "plain", *LINES).read_bytes())
    (tmp_path / "cut.jsonl.zst").write_bytes(packed[:-7])
    with pytest.raises(InputError, match=r"cut\.jsonl\.zst"):
        stage(tmp_path / "cut.jsonl.zst", KNOWN, tmp_path)


def test_exchanges_in_two_files_are_those_of_one(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first = stage(write(tmp_path / "1.jsonl", *LINES[:4]), dict(list(KNOWN.items())[:2]),
                  tmp_path / "first")  # fmt: skip
    more = row("c", 1, output_tokens=3, org_id="p")
    second = stage(write(tmp_path / "2.jsonl", *LINES[4:], more), KNOWN, tmp_path / "second")
    both = first.and_also(second)
    assert both.sent.exchanges.tolist() == [2, 1, 1]
    assert both.sent.output_tokens.tolist() == [15, 0, 3]
    assert both.sent.org == ("o", None, "p")
    assert both.sent.strangers == 2
    assert both.tokens_until(np.array([7_000_000, 0, 2])).tolist() == [10, 0, 3]
