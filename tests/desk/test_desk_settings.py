"""``[desk]``: mistakes are named with file, line and key, and secrets never."""

from pathlib import Path

import pytest
from desk_kit import SECRET, desk

from stillhunt.desk.outbox import routes
from stillhunt.desk.secret import SecretPlace
from stillhunt.hunt.settings import read_settings as read_hunt_settings
from stillhunt.model.errors import ConfigError

HOOK = '[desk.sinks.soc]\nkind = "webhook"\nurl = "https://example.com/sesame"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[desk]\nspol = 1\n", r":2: desk\.spol is unknown; did you mean spool"),
        (HOOK + 'secrt = "env:X"\n', r":4: desk\.sinks\.soc\.secrt is unknown; did you mean sec"),
        (HOOK, r":1: desk\.sinks\.soc\.secret is missing"),
        (HOOK + 'secret = "whsec_sesame"\n', r":4: desk\.sinks\.soc\.secret: give env:NAME or"),
        (HOOK + "secret = 7\n", r":4: desk\.sinks\.soc\.secret: give env:NAME or file:PATH"),
        ('[desk.sinks.soc]\nkind = "webhok"\nurl = "https://example.com/sesame"\n',
         r"desk\.sinks\.soc\.kind is unknown; give one of jsonl, syslog, webhook; did you mean"),
        ('[desk.sinks.soc]\nurl = "https://example.com/sesame"\n',
         r"desk\.sinks\.soc has no 'kind'"),
        ('[desk.sinks."a b"]\nkind = "jsonl"\npath = "x"\n', r"desk\.sinks\.a b"),
        ('[desk.sinks.x]\nkind = "jsonl"\npath = "x"\nmin_severity = 6\n',
         r":4: desk\.sinks\.x\.min_severity: Input should be"),
        ('[desk.sinks.x]\nkind = "jsonl"\npath = "x"\nformat = "xml"\n',
         r":4: desk\.sinks\.x\.format: Input should be"),
        ('[desk.sinks.x]\nkind = "syslog"\naddress = "dev/log"\n',
         r":3: desk\.sinks\.x\.address: .*give udp://HOST:514"),
        ('[desk.sinks.x]\nkind = "webhook"\nsecret = "env:X"\nurl = "http://192.0.2.1/sesame"\n',
         r"desk\.sinks\.x: url is http to another machine; give https, or plain = true"),
        ('[desk.sinks.x]\nkind = "webhook"\nsecret = "env:X"\nurl = "htps://x/sesame"\n',
         r":4: desk\.sinks\.x\.url: give https"),
        ('[desk.sinks]\na = "https://example.com/sesame"\n', r":2: desk\.sinks\.a: "),
        ('[desk]\nsinks = "https://example.com/sesame"\n', r":2: desk\.sinks: "),
        ('[desk.sinks.x]\nkind = "https://sesame@x"\n', r"desk\.sinks\.x\.kind is unknown; give"),
        ('[desk.sinks.x]\nkind = "syslog"\naddress = "https://user:sesame@x"\n',
         r":3: desk\.sinks\.x\.address: .*give udp://HOST:514"),
        ('[desk.sinks.x]\nkind = "syslog"\naddress = "udp://user:sesame@x"\n',
         r":3: desk\.sinks\.x\.address: .*give udp://HOST:514"),
        ('[desk.sinks.x]\nkind = "syslog"\naddress = "udp://x?sesame"\n',
         r":3: desk\.sinks\.x\.address: .*give udp://HOST:514"),
        ('[desk.sinks.x]\nkind = "syslog"\nlongest = "sesame"\n', r"desk\.sinks\.x\.longest: "),
        ('[desk.sinks.x]\nkind = "jsonl"\npath = "x"\nsesam = "sesame"\n',
         r":4: desk\.sinks\.x\.sesam is unknown"),
        ("[lkae]\n", r":1: lkae is unknown; did you mean lake"),
        ("[desk]\nsinks = 3\n", r":2: desk\.sinks: Input should be"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_and_key_and_shows_no_secret(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        desk(tmp_path, text)
    assert "sesame" not in str(raised.value)
    assert "sesame" not in str(raised.value.__cause__)


def test_the_hunt_passes_over_the_desks_table(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[desk.sinks.x]\nkind = "new"\n[lake]\ntext = "full"\n')
    assert read_hunt_settings(tmp_path / "s.toml").lake.text == "full"


def test_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    told = desk(tmp_path, HOOK + 'secret = "file:hook.secret"\nca = "ca.pem"\n')
    assert told.spool == tmp_path / "spool.db"
    options = told.sinks["soc"].model_dump()
    assert options["ca"] == tmp_path / "ca.pem"
    assert options["secret"] == f"file:{tmp_path / 'hook.secret'}"


def test_settings_show_the_place_of_a_secret_and_no_url(tmp_path: Path) -> None:
    told = desk(tmp_path, HOOK + 'secret = "file:hook.secret"\n')
    assert "hook.secret" in repr(told)
    assert "sesame" not in repr(told)
    assert SECRET not in repr(told)


def test_without_a_file_there_is_a_desk_without_sinks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = desk(tmp_path, "")
    assert (told.sinks, told.attempts) == ({}, 72)
    assert routes(told) == ()


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHUNT_DESK__SPOOL_MB", "7")
    assert desk(tmp_path, "[desk]\nspool_mb = 3\n").spool_mb == 7


def test_a_sink_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    told = desk(tmp_path, '[desk.sinks.soc]\nkind = "jsonl"\npath = "x"\n')
    with pytest.raises(ConfigError, match="'sok'; there are soc; did you mean soc"):
        routes(told, ["sok"])
    assert [route.name for route in routes(told, ["soc"])] == ["soc"]


def test_a_secret_is_read_where_it_is_and_its_line_end_is_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(" top \r\n")
    assert SecretPlace("file", str(tmp_path / "s")).read() == "top"
    assert SecretPlace("env", "X").read({"X": "top\n"}) == "top"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", None])
def test_a_secret_that_cannot_be_is_an_error_with_its_place_alone(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "s"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"file:{path}"):
        SecretPlace("file", str(path)).read()
