"""A checkpoint and a rule that is another by now."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sweep_kit import DAY, HOUR, NOON, SECOND, many
from tail_kit import close_all, followed, write

from stillhunt.hunt.rule_files import all_rules
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.tail.rules import fingerprint
from stillhunt.model.finding import Finding

LOW = {"volume.requests_per_day": "5000", "volume.tokens_per_day": "5000"}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def goes_on(
    folder: Path, before: dict[str, str], after: dict[str, str], *, days: int = 30
) -> tuple[list[Finding], str]:
    """Follow 4,000 requests, then 1,500 of *days* later; return what was found and said then."""
    log, state, said = folder / "log.jsonl", folder / "state", list[str]()
    write(log, many(4_000, step=SECOND))
    followed(log, state=state, overrides=LOW | before)
    write(log, many(1_500, start=NOON + days * DAY, step=SECOND))
    found, _ = followed(log, state=state, overrides=LOW | after, say=said.append)
    return [f for f in found if f.detector == "volume"], " ".join(said)


def test_another_lookback_makes_no_false_finding(tmp_path: Path) -> None:
    found, said = goes_on(tmp_path, {"volume.lookback": "1d"}, {"volume.lookback": "2d"})
    assert found == []
    assert "counted anew from here on: volume" in said


def test_another_lookback_forgets_rather_than_it_guesses(tmp_path: Path) -> None:
    found, said = goes_on(tmp_path, {"volume.lookback": "2d"}, {"volume.lookback": "1d"}, days=0)
    assert found == []
    assert "anew from here on: volume" in said


def test_the_same_rule_goes_on(tmp_path: Path) -> None:
    found, said = goes_on(tmp_path, {}, {}, days=0)
    assert len(found) == 1
    assert "counted anew" not in said


def test_another_bound_goes_on_with_the_same_windows(tmp_path: Path) -> None:
    found, said = goes_on(
        tmp_path, {}, {"volume.requests_per_day": "5400", "volume.tokens_per_day": "9000"}, days=0
    )
    assert len(found) == 1
    assert "counted anew" not in said


@pytest.mark.parametrize(("paths", "n"), [("/v1/messages", 1), ("/v1/messages,/health", 0)])
def test_a_rule_that_asks_for_other_paths_starts_anew(tmp_path: Path, paths: str, n: int) -> None:
    log, state = tmp_path / "log.jsonl", tmp_path / "state"
    write(log, many(80, step=SECOND // 4))
    followed(log, state=state, overrides={"burst.paths": "/v1/messages"})
    write(log, many(80, step=SECOND // 4, start=NOON + 20 * SECOND))
    found, _ = followed(log, state=state, overrides={"burst.paths": paths})
    assert len([f for f in found if f.detector == "burst"]) == n


def test_a_fingerprint_is_of_what_is_counted_and_not_of_how_much_is_too_much() -> None:
    rules = {rule.name: rule for rule in all_rules(HuntSettings())}
    volume = rules["volume"]
    usual = {p.name: p.default for p in volume.known_parameters} | {"lookback": DAY}
    assert fingerprint(volume, usual) == fingerprint(volume, usual | {"tokens_per_day": 1})
    assert fingerprint(volume, usual) != fingerprint(volume, usual | {"lookback": 20 * HOUR})
    newer = volume.model_copy(update={"version": volume.version + 1})
    assert fingerprint(volume, usual) != fingerprint(newer, usual)
    account = rules["volume_account"]
    subject = account.model_copy(update={"subject": ("source_ip",)})
    assert fingerprint(account, usual) != fingerprint(subject, usual)


def test_another_secret_starts_anew_and_that_is_said(tmp_path: Path) -> None:
    log, state, said = tmp_path / "log.jsonl", tmp_path / "state", list[str]()
    write(log, many(80, step=SECOND // 4))
    followed(log, state=state)
    (tmp_path / "hash.key").write_text("another")
    write(log, many(80, step=SECOND // 4, start=NOON + 20 * SECOND))
    found, _ = followed(log, state=state, trouble=said)
    assert [f for f in found if f.detector == "burst"] == []
    assert "identity.hash_key is not that of the checkpoint" in " ".join(said)
    write(log, many(80, step=SECOND // 4, start=NOON + 40 * SECOND))
    said.clear()
    found, _ = followed(log, state=state, trouble=said)
    assert len([f for f in found if f.detector == "burst"]) == 1
    assert said == []
