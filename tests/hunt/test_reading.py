"""Recognition of formats, and what holds for every reader."""

import importlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from stillhunt.hunt.casts import NAMES, TEXTS
from stillhunt.hunt.reading import CLEAR, READERS, SURE, Reading, reader_named, recognise
from stillhunt.hunt.settings import HuntSettings, Identity, Mapped, Readers
from stillhunt.model.errors import InputError
from stillhunt.model.exchange import COLUMNS
from stillhunt.registry import parts

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = {
    "native": "native.jsonl", "nginx": "nginx.log", "nginx_json": "nginx_json.jsonl",
    "litellm_spend": "litellm_spend.jsonl", "litellm_payload": "litellm_payload.jsonl",
    "otel": "otel.jsonl", "mapped": "mapped.jsonl", "ocsf": "ocsf.jsonl", "ecs": "ecs.jsonl",
}  # fmt: skip


@pytest.fixture
def given(tmp_path: Path) -> HuntSettings:
    mapping = Mapped(columns={"ts_us": "when", "source_ip": "net.ip"}, units={"ts_us": "s"})
    return HuntSettings(folder=tmp_path, readers=Readers(mapped=mapping))


def sample(reader: str) -> list[str]:
    return (SAMPLES / FILES[reader]).read_text(encoding="utf-8").splitlines()


def numbered(lines: list[str]) -> pa.Table:
    numbers = pa.array(range(1, len(lines) + 1), pa.int64())
    return pa.table({"line_number": numbers, "line": pa.array(lines, pa.string())})


def test_there_is_a_sample_of_every_reader() -> None:
    assert set(parts(READERS)) == set(FILES)


@pytest.mark.parametrize("reader", sorted(FILES.keys() - {"mapped"}))
def test_every_format_is_recognised_by_its_first_lines(reader: str) -> None:
    assert recognise(sample(reader), "lines") == reader


def test_a_csv_export_of_spendlogs_is_recognised_by_its_records() -> None:
    assert recognise(sample("litellm_spend"), "csv") == "litellm_spend"


def test_hostile_lines_among_the_first_do_not_change_the_format() -> None:
    lines = [*sample("nginx") * 3, '{"ts_us": 1}', "", "\ufffd", *sample("nginx")]
    assert recognise(lines, "lines") == "nginx"


@pytest.mark.parametrize("head", [[], [""], ["  ", ""]])
def test_of_nothing_no_format_is_recognised(head: list[str]) -> None:
    with pytest.raises(InputError, match="nothing to recognise a format by"):
        recognise(head, "lines")


def test_an_unknown_format_is_said_with_the_nearest_and_the_option() -> None:
    with pytest.raises(InputError, match=r"no format that we know \(.*\); name it with --as"):
        recognise(["hello", "world"], "lines")


def test_two_formats_that_fit_alike_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("stillhunt.hunt.readers.nginx_json")
    monkeypatch.setattr(module.NginxJson, "sniff", lambda self, line: 0.9)
    with pytest.raises(InputError, match=r"could be native 0\.95, nginx_json 0\.90; .* --as"):
        recognise(['{"ts_us": 1}'], "lines")


def test_a_lead_of_a_tenth_is_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("stillhunt.hunt.readers.nginx_json")
    monkeypatch.setattr(module.NginxJson, "sniff", lambda self, line: 0.8)
    assert recognise(['{"ts_us": 1}'], "lines") == "native"


def test_an_unknown_reader_is_said_with_near_names() -> None:
    with pytest.raises(InputError, match="'nginx_jsn'; did you mean nginx_json"):
        reader_named("nginx_jsn")


@pytest.mark.parametrize("reader", sorted(FILES))
def test_a_reader_fills_nothing_but_what_it_declares(reader: str, given: HuntSettings) -> None:
    result = Reading(reader, given, "0123abcd").read(numbered(sample(reader)))
    declared = set(reader_named(reader).fills) | {"line_number", "source", "exchange_id"}
    if "key_hash" in declared:
        declared.add("account_id")
    assert set(result.rows.column_names) <= declared
    if reader != "mapped":
        assert set(reader_named(reader).fills) <= set(result.rows.column_names)
    assert set(declared) <= {c.name for c in COLUMNS} | {"line_number"}


@pytest.mark.parametrize("reader", sorted(FILES))
def test_no_lines_give_an_empty_table_of_the_same_columns(
    reader: str, given: HuntSettings
) -> None:
    reading = Reading(reader, given, "0123abcd")
    some = reading.read(numbered(sample(reader)))
    none = reading.read(numbered([]))
    assert (none.lines, none.rows.num_rows, none.rejects) == (0, 0, [])
    assert none.rows.schema == some.rows.schema


@pytest.mark.parametrize("reader", sorted(FILES))
def test_a_batch_of_broken_lines_alone_is_survived(reader: str, given: HuntSettings) -> None:
    lines = ["", "{", "\ufffd", "[" * 10_000, "null", '"', "{}", "\x00", '{"a": "\\ud800"}']
    reading = Reading(reader, given, "0123abcd")
    result = reading.read(numbered(lines))
    assert [number for number, _ in result.rejects] == list(range(1, len(lines) + 1))
    assert result.rows.num_rows == 0
    again = reading.read(numbered(sample(reader)))
    assert again.rows.num_rows > 0


@pytest.mark.parametrize("reader", sorted(FILES))
def test_reasons_never_hold_a_lines_text(reader: str, given: HuntSettings) -> None:
    secret = "sk-secret-0123456789"
    lines = [f'{secret} "{secret}', f'{{"{secret}": {secret}}}', f'{{"ts_us": "{secret}"}}']
    result = Reading(reader, given, "0123abcd").read(numbered(lines))
    assert len(result.rejects) == len(lines)
    assert not any(secret in reason for _, reason in result.rejects)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "key",
    ["sk-abc123def456ghi789", "Bearer abc", "AIzaSyA-1234567890", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"],
)
def test_a_raw_key_never_comes_out_of_a_column_of_names(
    given: HuntSettings, name: str, key: str
) -> None:
    line = f'{{"ts_us": 1780000000000000, "{name}": "{key}"}}'
    rows = Reading("native", given, "0123abcd").read(numbered([line])).rows
    assert len(rows[name][0].as_py()) == 32
    assert key not in str(rows.to_pylist())


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/v1?model=m&key=AIza1&x=2", "/v1?model=m&key=***&x=2"),
        ("/v1?API_KEY=a&access_token=b", "/v1?API_KEY=***&access_token=***"),
        ("/v1?monkey=see", "/v1?monkey=***"),
        ("/v1?model=m", "/v1?model=m"),
        ("/v1/keys", "/v1/keys"),
        ("/v1?key", "/v1?key"),
    ],
)
def test_keys_in_a_query_string_are_masked(given: HuntSettings, path: str, kept: str) -> None:
    line = f'{{"ts_us": 1780000000000000, "path": "{path}"}}'
    rows = Reading("native", given, "0123abcd").read(numbered([line])).rows
    assert rows["path"].to_pylist() == [kept]


SAID = ["sk-abc123def456ghi789", "x sk-abc123def456ghi789", "Key sk-abc123def456ghi789",
        "Authorization: Bearer sk-abc123def456ghi789", "user:sk-abc123def456ghi789 "]  # fmt: skip


@pytest.mark.parametrize("name", sorted({*NAMES} - {"key_hash"}))  # there, all is the key
@pytest.mark.parametrize("said", SAID[1:4])
def test_a_name_that_holds_a_key_becomes_the_keys_fingerprint(
    given: HuntSettings, name: str, said: str
) -> None:
    lines = [
        json.dumps({"ts_us": 1780000000000000, name: said}),
        json.dumps({"ts_us": 1780000000000000, "key_hash": SAID[0]}),
    ]
    rows = Reading("native", given, "0123abcd").read(numbered(lines)).rows.to_pylist()
    assert rows[0][name] == rows[1]["key_hash"]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("said", SAID)
def test_a_text_keeps_everything_but_the_key(given: HuntSettings, name: str, said: str) -> None:
    line = json.dumps({"ts_us": 1780000000000000, name: said})
    rows = Reading("native", given, "0123abcd").read(numbered([line])).rows
    kept = rows[name][0].as_py()
    assert "***" in kept
    assert "abc123" not in str(rows.to_pylist())
    if name != "path":
        assert kept == said.replace(SAID[0], "***")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sk-abc123def456ghi789/x", "/v1/x?q=sk%2Dabc123def456ghi789", "/sk-abc123def456ghi789",
        "/v1/%20sk-abc123def456ghi789", "/v1/x?sk-abc123def456ghi789=1",
        "/v1/%2Csk-abc123def456ghi789", "/v1/x?q=%22sk-abc123def456ghi789%22",
    ],
)  # fmt: skip
@pytest.mark.parametrize("reader", ["nginx", "nginx_json", "native"])
def test_a_key_in_a_path_is_masked(given: HuntSettings, reader: str, path: str) -> None:
    line = {
        "native": json.dumps({"ts_us": 1780000000000000, "path": path}),
        "nginx_json": sample("nginx_json")[0].replace("/v1/chat/completions", path),
        "nginx": sample("nginx")[0].replace("/v1/chat/completions", path),
    }[reader]
    rows = Reading(reader, given, "0123abcd").read(numbered([line])).rows
    assert "***" in rows["path"][0].as_py()
    assert "abc123" not in str(rows.to_pylist())


def test_no_key_of_a_request_that_is_no_http_comes_out(given: HuntSettings) -> None:
    lines = [
        sample("nginx")[0].replace("POST /v1/chat/completions HTTP/1.1", request)
        for request in (
            "sk-abc123def456ghi789 /v1",
            "sk-abc123def456ghi789",
            r"\x22sk-abc123def456",
        )
    ]
    rows = Reading("nginx", given, "0123abcd").read(numbered(lines)).rows
    assert rows.num_rows == 3
    assert "abc123" not in str(rows.to_pylist())


@pytest.mark.parametrize("reader", sorted(FILES.keys() - {"mapped"}))
def test_on_every_sample_its_own_reader_is_best_and_clear(reader: str) -> None:
    for line in sample(reader):
        sure = {name: reader_named(name).sniff(line) for name in FILES}
        own = sure.pop(reader)
        assert own >= SURE
        assert own - max(sure.values()) >= CLEAR, (line[:80], sure)


@pytest.mark.parametrize(
    "line",
    [
        '{"ts":"2026-01-01T00:00:00Z","account_id":"a"}',
        '{"ts":"2026-01-01T00:00:00Z","account_id":"a","model":"m","status":200,"path":"/"}',
        '{"ts_us":1,"key_hash":"k"}',
        '{"ts_us":1,"prompt":"\\"call_type\\" \\"startTime\\" \\"api_key\\" resourceSpans"}',
    ],
)
def test_a_short_native_line_is_native_and_nothing_else(line: str) -> None:
    assert recognise([line], "lines") == "native"
    assert not any(reader_named(name).sniff(line) for name in FILES.keys() - {"native"})


def test_the_same_key_has_the_same_fingerprint_wherever_it_was_read(tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(b"0123456789abcdef")
    settings = HuntSettings(folder=tmp_path, identity=Identity(hash_key="file:k"))
    line = '{"ts_us": 1780000000000000, "key_hash": "sk-1", "account_id": "Bearer sk-1"}'
    row = Reading("native", settings, "0123abcd").read(numbered([line])).rows.to_pylist()[0]
    assert row["key_hash"] == row["account_id"]
