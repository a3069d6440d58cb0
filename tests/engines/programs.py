"""Scenes of programs at work: regular, sleepless, hurried, repetitive."""

import random
from collections.abc import Iterator

from scenes import DAY, HOUR, MINUTE, SECOND, START_US, Row, block, exchange

__all__ = ["cadences", "repetitions"]

READING_US = 189_076
"""Time to read one token, as the cadence detector has it [us]."""


def cadences() -> Iterator[Row]:
    """Yield one account for each sign of a program, on both sides of its bound."""
    for k in range(38):
        yield exchange(START_US + k * 100 * SECOND + k % 3, "metronome", block(0xE0))
        pause = 37 * SECOND if k == 37 else 0  # 36 gaps of nothing and one: root of 36
        yield exchange(START_US + pause, "uneven-at", block(0xE2))
        # A variance from sums of squares is a hundred times too large here.
        yield exchange(START_US + k * HOUR + k % 2, "hourly", block(0xE9))
    for k in range(39):
        moment = START_US + k * SECOND - k % 2 * 100_000  # 38 gaps that vary by a tenth
        yield exchange(moment, "even-at", block(0xE1))
    for k in range(60):
        yield exchange(START_US + k * SECOND + (k > 55) * 3 * DAY, "stutter", block(0xE3))
        # Two in a microsecond; whose answer is shorter comes first, and could be read.
        yield exchange(START_US + k // 2 * 7 * SECOND, "hurried", block(0xE4),
                        output_tokens=None if k == 11 else (30, 100)[k % 2])  # fmt: skip
    for name, slow in (("unread-at", 4), ("unread-over", 3)):
        for k in range(39 if name == "unread-over" else 41):
            late = min(k, slow) * HOUR  # the first answers could be read
            yield exchange(START_US + k * SECOND + late, name, block(0xE5), output_tokens=90)
    for k in range(60):
        yield exchange(START_US + k * 9 * READING_US, "just-read", block(0xE6),
                        output_tokens=9 + (k % 20 > 0), duration_ms=0)  # fmt: skip
        yield exchange(START_US + k * SECOND, "empty", block(0xE7),
                        output_tokens=0 if k % 30 == 0 else 99)  # fmt: skip
    yield from _sleepless()


def _sleepless() -> Iterator[Row]:
    """Yield accounts busy at all hours, with a pause or a length that is just not enough."""
    step = 30 * MINUTE
    for name, steps, pause in (
        ("sleepless", 150, 11), ("pause-at", 150, 12), ("days-at", 144, 1), ("days-over", 145, 1)
    ):  # fmt: skip
        for k in range(steps + 1):
            if not 20 < k < 20 + pause:
                yield exchange(START_US + k * step, name, block(0xE8), duration_ms=None)


def repetitions(rng: random.Random) -> Iterator[Row]:
    """Yield one template all the time, and everything there is."""
    for name, n in (("template-few", 40), ("template-at", 60), ("template-over", 61)):
        for k in range(n):
            yield exchange(START_US + k * HOUR, name, block(0xF0), unique_ratio=rng.random(),
                            template=-5 if k else 9, script="Latn")  # fmt: skip
    yield exchange(START_US, "template-once", block(0xF0), template=3)
    scripts, languages = ("Latn", "Cyrl", "Hang", None), ("en", "ru", "ko", "de", None)
    for k in range(192):
        upper, lower = rng.randrange(-(2**31), 2**31), rng.randrange(2**32)
        upper, lower = (k % 40, lower) if k % 4 == 1 else (upper, k % 40 if k % 4 == 2 else lower)
        half = None if k % 17 == 0 else upper << 32 | lower
        yield exchange(
            START_US + k // 2 * HOUR, f"relay-{k % 2}", block(0xF1), template=k,
            script=scripts[k // 2 % 4], language=languages[k // 2 % 5],
            system_template=k // 2 % 6 or None, simhash=half,
            unique_ratio=None if k % 3 else rng.random(),
        )  # fmt: skip
