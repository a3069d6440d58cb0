"""The volume rules: both sides of every bound, of the window and of the path filter."""

import ipaddress

import pytest
from sweep_kit import DAY, HOUR, NOON, SECOND, exchange, found, many

from stillhunt.model.finding import Severity

LOW = {"volume.requests_per_day": "10", "volume.tokens_per_day": "1000"}


@pytest.mark.parametrize(("n", "is_found"), [(5_000, False), (5_001, True)])
def test_more_than_5000_requests_a_day_are_found(n: int, is_found: bool) -> None:
    findings = found(many(n), "volume")
    assert bool(findings) is is_found


@pytest.mark.parametrize(
    ("tokens", "severity"),
    [
        (100_000, None),
        (100_001, Severity.HIGH),
        (200_000, Severity.HIGH),
        (200_001, Severity.CRITICAL),
    ],
)
def test_tokens_decide_the_severity(tokens: int, severity: Severity | None) -> None:
    rows = [exchange(NOON, output_tokens=tokens - 7), exchange(NOON + 1, output_tokens=7)]
    assert [f.severity for f in found(rows, "volume")] == ([severity] if severity else [])


def test_the_evidence_is_what_was_counted() -> None:
    rows = [*many(11, output_tokens=100), *many(3, output_tokens=9, source_ip="192.0.2.9")]
    (finding,) = found(rows, "volume", LOW)
    assert finding.subject == {"account_id": "a1", "source_ip": "192.0.2.1"}
    assert finding.evidence["total_requests"] == 11
    assert finding.evidence["total_output_tokens"] == 1_100
    assert finding.evidence["episode_began"] == "2026-03-01T12:00:10Z"
    assert (finding.n, finding.statistic) == (11, 1.1)
    assert (finding.first_seen_us, finding.last_seen_us) == (NOON, NOON + 10 * SECOND)


def test_the_statistic_is_the_larger_of_both_ratios() -> None:
    (by_requests,) = found(many(30), "volume", LOW)
    (by_tokens,) = found(many(2, output_tokens=2_000), "volume", LOW)
    assert (by_requests.statistic, by_tokens.statistic) == (3.0, 4.0)


@pytest.mark.parametrize(("age", "is_found"), [(DAY, False), (DAY - 1, True)])
def test_the_window_is_open_at_its_left_end(age: int, is_found: bool) -> None:
    rows = [exchange(NOON - age, output_tokens=1), exchange(NOON, output_tokens=1_000)]
    assert bool(found(rows, "volume", LOW)) is is_found


def test_the_window_ends_at_the_newest_exchange_of_anybody_and_any_path() -> None:
    rows = many(11, start=NOON - DAY)
    late = exchange(NOON + HOUR, account_id="other", path="/healthz", source_ip="192.0.2.2")
    assert found(rows, "volume", LOW)
    assert not found([*rows, late], "volume", LOW)


@pytest.mark.parametrize(
    ("lookback", "is_found"), [("90s", False), ("60m", False), ("12h", True), ("7d", True)]
)
def test_the_window_is_as_long_as_it_is_told(lookback: str, is_found: bool) -> None:
    rows = [*many(11, start=NOON - 11 * HOUR), exchange(NOON, account_id="other")]
    assert bool(found(rows, "volume", LOW | {"volume.lookback": lookback})) is is_found


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages",
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/completions",
        "/v1/generate",
        "/v1/messages?beta=true",
        "/v1/messages?",
        "/v1/messages?a?b",
    ],
)
def test_generation_paths_count_whatever_the_query(path: str) -> None:
    assert found(many(11, path=path), "volume", LOW)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages/count_tokens",
        "/v1/messages/",
        "/v1/message",
        "/v1/messagesX",
        "/v1/embeddings",
        "/V1/messages",
        "/?/v1/messages",
        "",
    ],
)
def test_other_paths_do_not_count(path: str) -> None:
    assert not found(many(11, path=path), "volume", LOW)


@pytest.mark.parametrize(
    ("paths", "path", "counts"),
    [
        ("*", "/anything", True),
        ("/a, /b", "/b?x", True),
        ("/a,/b", "/v1/messages", False),
        ("/a/*", "/a/b", True),
        ("/a/*", "/a", False),
        ("/a/*", "/ab", False),
        ("/a_b", "/aXb", False),
        ("/it's", "/it's", True),
        (" , ", "/v1/messages", True),
    ],
)
def test_paths_can_be_told(paths: str, path: str, counts: bool) -> None:
    assert bool(found(many(11, path=path), "volume", LOW | {"volume.paths": paths})) is counts


@pytest.mark.parametrize(
    ("operation", "counts"), [(None, True), ("chat", True), ("embeddings", False)]
)
def test_a_record_without_a_path_counts_by_its_operation(
    operation: str | None, counts: bool
) -> None:
    rows = many(11, path=None, operation=operation)
    assert bool(found(rows, "volume", LOW)) is counts


def test_an_address_without_an_account_counts_under_no_account() -> None:
    (finding,) = found(many(11, account_id=None), "volume", LOW)
    assert finding.subject == {"account_id": None, "source_ip": "192.0.2.1"}


def test_an_exchange_of_nobody_is_no_subject() -> None:
    assert not found(many(11, account_id=None, source_ip=None), "volume", LOW)


def test_an_unknown_token_count_is_not_zero() -> None:
    (finding,) = found(many(11, output_tokens=None), "volume", LOW)
    assert finding.evidence["total_output_tokens"] is None
    assert finding.severity == Severity.HIGH


def test_a_bound_of_nothing_finds_anything() -> None:
    (finding,) = found(many(1), "volume", {"volume.requests_per_day": "0"})
    assert finding.statistic == 1.0


def test_volume_account_sums_over_addresses() -> None:
    rows = [*many(6), *many(5, source_ip="192.0.2.9"), *many(20, account_id=None)]
    (finding,) = found(rows, "volume_account", {"volume_account.requests_per_day": "10"})
    assert finding.subject == {"account_id": "a1"}
    assert finding.evidence["total_requests"] == 11


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("203.0.113.255", "203.0.113.0/24"),
        ("2001:db8::1", "2001:db8::/48"),
        ("2001:db8:1::1", "2001:db8:1::/48"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8::/48"),
        ("2001::1", "2001::/48"),
        ("2001:0:1:2:3:4:5:6", "2001:0:1::/48"),
        ("::1", "::/48"),
        ("localhost", "localhost"),
    ],
)
def test_a_prefix_is_what_ipaddress_says(address: str, prefix: str) -> None:
    (finding,) = found(
        many(11, source_ip=address), "volume_prefix", {"volume_prefix.requests_per_day": "10"}
    )
    assert finding.subject == {"source_prefix": prefix}
    if address != prefix:
        length = 48 if ":" in address else 24
        assert prefix == str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def test_volume_prefix_sums_over_accounts_and_addresses() -> None:
    rows = [exchange(NOON + k, source_ip=f"198.51.100.{k}", account_id=f"a{k}") for k in range(11)]
    (finding,) = found(rows, "volume_prefix", {"volume_prefix.requests_per_day": "10"})
    assert finding.evidence["total_requests"] == 11
