"""A tail in this process: short ways to write logs, to follow them, and to ask a sweep."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweep_kit import NOON, Row, exchange, swept

from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.tail.loop import Ended, Tail
from stillhunt.model.finding import Finding

FAMILIES = {"burst", "burst_account", "burst_prefix", "volume", "volume_account", "volume_prefix"}
Claim = tuple[str, str, str, int]
"""Detector, subject, id, severity."""


class Clock:
    """Time that passes when somebody says so [s]."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def line_of(row: Row) -> str:
    return json.dumps({k: v for k, v in row.items() if v is not None and k != "source"})


def write(path: Path, rows: Sequence[Row], mode: str = "a") -> None:
    with path.open(mode) as file:
        file.write("".join(line_of(row) + "\n" for row in rows))


def nginx_line(moment_s: int, address: str = "192.0.2.1", path: str = "/v1/messages") -> str:
    """Return a line of nginx's combined format, *moment_s* seconds after noon."""
    h, m, s = 12 + moment_s // 3600, moment_s // 60 % 60, moment_s % 60
    return (
        f"{address} - - [01/Mar/2026:{h:02d}:{m:02d}:{s:02d} +0000] "
        f'"POST {path} HTTP/1.1" 200 612 "-" "python-requests/2.31"\n'
    )


def settings_in(folder: Path, **tail: Any) -> HuntSettings:  # noqa: ANN401
    return HuntSettings.model_validate({"folder": folder, "tail": tail})


def tail_of(
    *paths: Path | str,
    folder: Path,
    deliver: Callable[[Finding], None] | None = None,
    reader: str | None = "native",
    settings: HuntSettings | None = None,
    from_start: bool | None = True,
    say: Callable[[str], None] = lambda _: None,
    trouble: list[str] | None = None,
    **more: Any,  # noqa: ANN401 - whatever Tail takes
) -> Tail:
    def heard(text: str, *, is_trouble: bool = False) -> None:
        say(text)
        if is_trouble and trouble is not None:
            trouble.append(text)

    def deliver_each(group: Sequence[Finding]) -> None:
        for finding in group:
            if deliver is not None:
                deliver(finding)

    tail = Tail(
        [str(path) for path in paths],
        settings=settings or settings_in(folder),
        deliver=deliver_each,
        reader=reader,
        from_start=from_start,
        say=heard,
        **more,
    )
    opened.append(tail)
    return tail


opened: list[Tail] = []


def close_all() -> None:
    """Close every tail that a test opened."""
    while opened:
        opened.pop().close()


def followed(
    path: Path,
    *,
    folder: Path | None = None,
    **more: Any,  # noqa: ANN401
) -> tuple[list[Finding], Ended]:
    """Follow *path* to its end; return what was delivered."""
    found: list[Finding] = []
    tail = tail_of(path, folder=folder or path.parent, deliver=found.append, **more)
    ended = tail.run(once=True)
    return found, ended


def claims(findings: Sequence[Finding]) -> set[Claim]:
    """Return each claim of the live families once, with the gravest severity that was said."""
    gravest: dict[tuple[str, str, str], int] = {}
    for one in findings:
        if one.detector in FAMILIES:
            key = (one.detector, json.dumps(dict(one.subject), sort_keys=True), one.id)
            gravest[key] = max(gravest.get(key, 0), int(one.severity))
    return {(*key, severity) for key, severity in gravest.items()}


def swept_claims(rows: Sequence[Row], told: Mapping[str, str] | None = None) -> set[Claim]:
    return claims(swept(rows, told).findings)


__all__ = [
    "NOON",
    "Clock",
    "claims",
    "close_all",
    "exchange",
    "followed",
    "line_of",
    "nginx_line",
    "settings_in",
    "swept_claims",
    "tail_of",
    "write",
]
