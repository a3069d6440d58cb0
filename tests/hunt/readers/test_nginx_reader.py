"""The reader of combined access logs."""

import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings
from lines_read import read, rows, samples, settings

from stillhunt.hunt.readers.nginx import Nginx

TIME = "28/May/2026:20:26:40 +0000"
TS = 1_780_000_000_000_000


def line(
    user: str = "-", time: str = TIME, request: str = "POST /v1/messages HTTP/1.1",
    status: str = "200", agent: str = "curl/8.5.0", address: str = "192.0.2.1",
) -> str:  # fmt: skip
    return f'{address} - {user} [{time}] "{request}" {status} 7 "-" "{agent}"'


def test_a_line_of_nginx_is_read_field_by_field(tmp_path: Path) -> None:
    result = read("nginx", samples("nginx.log")[:1], settings(tmp_path))
    assert rows(result) == [
        {
            "line_number": 1, "ts_us": TS, "exchange_id": "0123abcd:1", "source": "nginx",
            "source_ip": "192.0.2.1", "user_agent": "openai-python/1.40.0 (Linux; x86_64)",
            "method": "POST", "path": "/v1/chat/completions", "status": 200,
        }
    ]  # fmt: skip


def test_blanks_and_brackets_in_a_user_name_shift_nothing(tmp_path: Path) -> None:
    row = rows(read("nginx", samples("nginx.log"), settings(tmp_path)))[1]
    assert row["source_ip"] == "2001:db8::7"
    assert row["ts_us"] == TS + 1_000_000
    assert "user_agent" not in row


def test_a_key_in_a_query_string_is_not_kept(tmp_path: Path) -> None:
    row = rows(read("nginx", samples("nginx.log"), settings(tmp_path)))[1]
    assert row["path"] == "/v1/models?key=***"


def test_escaped_quotes_of_nginx_and_apache_are_read_alike(tmp_path: Path) -> None:
    result = rows(read("nginx", samples("nginx.log"), settings(tmp_path)))
    assert result[2]["user_agent"] == r"a \x22quoted\x22 agent \x5C"
    assert result[3]["user_agent"] == r"say \x22hi\x22 \x5C there"


def test_the_main_format_is_read_and_its_forwarded_address_not_believed(tmp_path: Path) -> None:
    row = rows(read("nginx", samples("nginx.log"), settings(tmp_path)))[4]
    assert (row["source_ip"], row["user_agent"]) == ("192.0.2.4", "curl/8.5.0")


def test_a_request_that_is_no_http_is_still_an_exchange(tmp_path: Path) -> None:
    result = rows(read("nginx", samples("nginx.log"), settings(tmp_path)))
    assert [row["status"] for row in result[5:7]] == [400, 400]
    assert "path" not in result[5]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "blank line"),
        ("   ", "blank line"),
        (line()[:60], "expected three quoted fields"),
        (line(time="28/Mai/2026:20:26:40 +0000"), "ts_us is missing or no time"),
        (line(time="28/May/0001:20:26:40 +0000"), "ts_us is not from 1990 to 2099"),
        (line(time="28/May/9999:20:26:40 +0000"), "ts_us is not from 1990 to 2099"),
        (line(time="28/May/99999:20:26:40 +0000"), "ts_us is missing or no time"),
        (line(status="2OO"), "status is no whole number from 0 to 32767"),
        (line(status="-12"), "status is no whole number from 0 to 32767"),
        (line(agent='a " b'), "expected three quoted fields"),
        (line(agent=r"a \" b \\" + '"'), "expected three quoted fields"),
        ("a" * 100_000, "expected three quoted fields"),
        ('"' * 6, "ts_us is missing or no time"),
        ("{}", "expected three quoted fields"),
    ],
)
def test_what_nginx_never_writes_is_a_reject_with_its_reason(
    tmp_path: Path, bad: str, why: str
) -> None:
    result = read("nginx", [line(), bad, line()], settings(tmp_path))
    assert result.rejects == [(2, why)]
    assert result.rows["line_number"].to_pylist() == [1, 3]


@pytest.mark.parametrize(
    "request_line",
    [
        r"POST /v1/messages\"0204\"x HTTP/1.1",
        r"POST /v1/messages\" 204 \"x HTTP/1.1",
        r"POST /v1/messages\"\" HTTP/1.1",
    ],
)
def test_quotes_in_a_request_of_apache_shift_no_field(tmp_path: Path, request_line: str) -> None:
    result = read("nginx", [line(request=request_line, status="400")], settings(tmp_path))
    row = rows(result)[0]
    assert row["path"].startswith(r"/v1/messages\x22")
    assert (row["status"], row["user_agent"]) == (400, "curl/8.5.0")


@pytest.mark.parametrize(
    "request_line",
    [
        "POST  /v1/messages HTTP/1.1",
        "POST    /v1/messages  HTTP/1.1",
        " POST /v1/messages HTTP/1.1",
        "POST  /v1/messages",
    ],
)
def test_more_blanks_than_one_hide_no_path(tmp_path: Path, request_line: str) -> None:
    result = read("nginx", [line(), line(request=request_line)], settings(tmp_path))
    plain, spaced = rows(result)
    assert spaced == plain | {"line_number": 2, "exchange_id": "0123abcd:2"}
    assert (spaced["method"], spaced["path"]) == ("POST", "/v1/messages")


def test_a_request_of_blanks_alone_is_an_exchange(tmp_path: Path) -> None:
    result = read("nginx", [line(request="   ", status="400")], settings(tmp_path))
    assert rows(result)[0]["status"] == 400


def test_a_request_that_ends_in_a_backslash_is_read(tmp_path: Path) -> None:
    result = read("nginx", [line(request="GET /a\\\\")], settings(tmp_path))
    assert rows(result)[0]["path"] == r"/a\x5C"


def test_an_empty_user_name_of_apache_is_read(tmp_path: Path) -> None:
    lines = [line(user='""'), line(user='""') + ' "203.0.113.9"', line(user=r"\"\" [")]
    result = read("nginx", lines, settings(tmp_path))
    assert result.rejects == []
    assert [row["status"] for row in rows(result)] == [200, 200, 200]
    assert [row["user_agent"] for row in rows(result)] == ["curl/8.5.0"] * 3
    assert Nginx().sniff(lines[0]) == Nginx().sniff(lines[1]) == 0.9


def test_a_forwarded_field_cannot_pass_for_the_user_agent(tmp_path: Path) -> None:
    referer = r'192.0.2.1 - - [28/May/2026:20:26:40 +0000] "GET / HTTP/1.1" 200 7 '
    result = read("nginx", [referer + r'"a\"b\"c" "curl/8.5.0"'], settings(tmp_path))
    assert rows(result)[0]["user_agent"] == "curl/8.5.0"


@pytest.mark.parametrize("address", ["unix:", "-", "host.example.com", "\ufffd", "1" * 9_000])
def test_what_is_no_address_is_unknown_and_the_row_stays(tmp_path: Path, address: str) -> None:
    row = rows(read("nginx", [line(address=address)], settings(tmp_path)))[0]
    assert "source_ip" not in row


def test_the_server_in_front_of_a_line_of_apache_is_not_the_client(tmp_path: Path) -> None:
    row = rows(read("nginx", samples("nginx.log"), settings(tmp_path)))[7]
    assert (row["source_ip"], row["path"], row["status"]) == ("192.0.2.7", "/v1/messages", 200)
    assert Nginx().sniff(samples("nginx.log")[7]) == 0.9


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::7", "::ffff:198.51.100.7"])
@pytest.mark.parametrize(
    "server",
    [
        "203.0.113.80:443", "api.example.com:443", "api.example.com", "_", "3.example.com",
        "[2001:db8::1]:443", "localhost",
    ],
)  # fmt: skip
def test_any_server_in_front_of_an_address_is_passed_over(
    tmp_path: Path, server: str, address: str
) -> None:
    lines = [line(address=f"{server} {address}"), line(address=address)]
    with_server, without = rows(read("nginx", lines, settings(tmp_path)))
    assert with_server["source_ip"] == without["source_ip"]


@pytest.mark.parametrize(
    ("head", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1 198.51.100.7", "192.0.2.1"),  # the second may be what the client says
        ("2001:db8::7 198.51.100.7", "2001:db8::7"),
        ("fe80::1 198.51.100.7", "fe80::1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("192.0.2.1:4711 bob", "192.0.2.1"),
        ("- 198.51.100.7", None),
        ("unix: 198.51.100.7", None),
        ("api.example.com:443 198.51.100.7,", None),
        ("api.example.com:443 1.2.3", None),
        ("a" * 260 + ":65535 198.51.100.7", "198.51.100.7"),
        ("a" * 500 + " 198.51.100.7", None),
    ],
)
def test_the_first_address_is_the_clients_unless_a_server_stands_there(
    tmp_path: Path, head: str, client: str | None
) -> None:
    row = rows(read("nginx", [line(address=head)], settings(tmp_path)))[0]
    assert row.get("source_ip") == client


@pytest.mark.data
def test_the_real_apache_log_is_read_to_the_last_line(data: Path, tmp_path: Path) -> None:
    with gzip.open(data / "weblog_elastic_apache_2015-05-17_18.log.gz", "rt") as file:
        lines = file.read().splitlines()
    result = read("nginx", lines, settings(tmp_path))
    assert (result.lines, result.rows.num_rows) == (4_525, 4_525)
    by_hand = Counter(text.split(" ", 1)[0] for text in lines)
    assert Counter(result.rows["source_ip"].to_pylist()) == by_hand


def test_only_combined_lines_look_like_nginx() -> None:
    reader = Nginx()
    assert all(reader.sniff(text) >= 0.5 for text in samples("nginx.log"))
    others = ("native.jsonl", "nginx_json.jsonl", "litellm_spend.jsonl", "otel.jsonl")
    assert not any(reader.sniff(text) for name in others for text in samples(name))


# What a client may put into its user agent, as nginx writes it down.
ESCAPED = strategies.text(max_size=20).map(
    lambda text: "".join(
        c if c.isprintable() and c.isascii() and c not in '"\\' else f"\\x{ord(c) % 256:02X}"
        for c in text
    )
)


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(strategies.lists(strategies.tuples(ESCAPED, ESCAPED, ESCAPED), min_size=1, max_size=20))
def test_nothing_that_a_client_writes_hides_its_request(
    tmp_path: Path, written: list[tuple[str, str, str]]
) -> None:
    lines = [
        line(user=user or "-", request=f"POST /{path.replace(' ', '')} HTTP/1.1", agent=agent)
        for user, path, agent in written
    ]
    result = read("nginx", lines, settings(tmp_path))
    assert result.rejects == []
    assert set(result.rows["source_ip"].to_pylist()) == {"192.0.2.1"}
    assert set(result.rows["ts_us"].to_pylist()) == {TS}


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    strategies.lists(
        strategies.tuples(
            strategies.integers(0, 110), strategies.sampled_from(list('"[]\\ \t9a'))
        ),
        max_size=4,
    )
)
def test_a_line_with_a_few_wrong_characters_comes_out_once(
    tmp_path: Path, changes: list[tuple[int, str]]
) -> None:
    characters = list(line())
    for at, character in changes:
        characters[at % len(characters)] = character
    assert read("nginx", ["".join(characters)], settings(tmp_path)).lines == 1
