"""Playing a population: everything is sent in its time, no more than so much at once."""

import json
from pathlib import Path
from typing import Any

import pytest
from endpoint_kit import Endpoint

from stillhunt.lab.play import pace, play
from stillhunt.model.errors import ConfigError, InputError

HOUR_US = 3_600_000_000


def row(**told: object) -> dict[str, Any]:
    return {
        "ts_us": 0, "account_id": "acct_1", "method": "POST", "path": "/v1/chat/completions",
        "model": "m-1", "stream": False, "max_tokens": None, "temperature": None,
        "system_prompt": None, "prompt": "hello", "source_ip": "192.0.2.7", "user_agent": "x/1",
    } | told  # fmt: skip


def population(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "exchanges.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


def test_every_exchange_is_sent_once_and_its_answer_counted(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    rows = [row(prompt=f"p{i}", model="limited" if i % 4 == 0 else "m-1") for i in range(40)]
    done = play(population(tmp_path, rows), endpoint.url, speed=None)
    assert (done.sent, done.failed) == (40, 0)
    assert done.statuses == {429: 10, 200: 30}
    assert sorted(a[2]["messages"][0]["content"] for a in endpoint.asked) == sorted(
        f"p{i}" for i in range(40)
    )
    assert "10 x 429" in str(done)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/v1/chat/completions",
            {"messages": [{"role": "system", "content": "be brief"},
                          {"role": "user", "content": "hi"}], "max_tokens": 9},
        ),
        (
            "/v1/messages",
            {"system": "be brief", "messages": [{"role": "user", "content": "hi"}],
             "max_tokens": 9},
        ),
        ("/v1/responses", {"instructions": "be brief", "input": "hi", "max_output_tokens": 9}),
    ],
)  # fmt: skip
def test_each_path_is_spoken_in_its_dialect(
    tmp_path: Path, endpoint: Endpoint, path: str, body: dict[str, Any]
) -> None:
    asked = row(path=path, system_prompt="be brief", prompt="hi", max_tokens=9, temperature=0.5)
    play(population(tmp_path, [asked]), endpoint.url + "/up/", speed=None)
    ((said, headers, sent),) = endpoint.asked
    assert said == "/up" + path
    assert sent == body | {"model": "m-1", "stream": False, "temperature": 0.5}
    assert headers["X-Account-Id"] == "acct_1"
    assert headers["Authorization"] == "Bearer lab-acct_1"
    assert headers["X-Forwarded-For"] == "192.0.2.7"
    assert headers["User-Agent"] == "x/1"


def test_never_more_than_so_many_are_under_way(tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.wait = 0.02
    play(population(tmp_path, [row() for _ in range(30)]), endpoint.url, speed=None, at_once=3)
    assert endpoint.most == 3


def test_requests_come_when_they_were_written_so_many_times_as_fast(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    now, waits = [100.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    rows = [row(ts_us=5 + at) for at in (0, HOUR_US, HOUR_US, 3 * HOUR_US)]
    done = play(
        population(tmp_path, rows), endpoint.url, speed=60, clock=lambda: now[0], sleep=sleep
    )
    assert waits == pytest.approx([60, 120])
    assert done.seconds == pytest.approx(180)
    assert done.late_s == 0


def test_who_cannot_be_reached_is_counted_and_the_rest_is_still_sent(tmp_path: Path) -> None:
    done = play(population(tmp_path, [row()] * 3), "http://127.0.0.1:9", speed=None, timeout_s=2)
    assert (done.sent, done.failed, dict(done.statuses)) == (3, 3, {})
    assert "3 without an answer" in str(done)


def test_a_connection_that_was_closed_is_opened_again(tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.closes = True
    done = play(population(tmp_path, [row()] * 6), endpoint.url, speed=None, at_once=1)
    assert (done.failed, done.statuses[200]) == (0, 6)


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com", "http://"])
def test_what_is_no_end_point_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="url is"):
        play(population(tmp_path, [row()]), url)


def test_a_folder_without_a_population_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no exchanges\.jsonl"):
        play(tmp_path, "http://127.0.0.1:9")


@pytest.mark.parametrize(("text", "speed"), [("60x", 60), ("1", 1), ("0.5x", 0.5), ("max", None)])
def test_speeds_are_read(text: str, speed: float | None) -> None:
    assert pace(text) == speed


@pytest.mark.parametrize("text", ["", "x", "fast", "0x", "-1", "inf", "nan"])
def test_a_speed_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="speed is"):
        pace(text)
