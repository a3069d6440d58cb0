"""The judge's pictures as SVG: ROC, reliability, recall against what the attacker turns.

Colours are classes of the page's style sheet, as in the hunt's own report.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from stillhunt.hunt.report.charts import tag
from stillhunt.lab.judge.shape import ReliabilityBin

__all__ = ["Line", "Spot", "lines", "reliability", "roc"]

WIDTH, HEIGHT = 560, 330
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 24, 40
COLOURS = ("s-hot0", "s-cool0", "s-cool2", "s-cool4", "s-hot1", "s-hot2", "s-cool1", "s-cool3",
           "s-cool5", "s-rest")  # fmt: skip
LOWEST = 1e-4
"""Left end of a logarithmic axis of rates: what 10,000 honest accounts can show."""


@dataclass(frozen=True)
class Spot:
    """A point of a line with its interval, if any."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """One line of a picture."""

    name: str
    spots: Sequence[Spot]


def roc(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Markup:
    """Draw recall against the share of honest accounts accused, logarithmic.

    Steps, because a threshold gives either point and nothing between; accounts without a score
    are never accused, so the last step ends where the scores do.

    Args:
        curves: By name, the first stands out.
    """
    decades = [10.0**power for power in range(round(math.log10(LOWEST)), 1)]
    drawn = [*_y_axis("recall"), *_x_axis([(_log(d), f"{d:g}") for d in decades],
                                          "honest accounts accused [share]")]  # fmt: skip
    for place, (name, points) in enumerate(reversed(list(curves.items()))):
        colour = COLOURS[min(len(curves) - 1 - place, len(COLOURS) - 1)]
        steps = "".join(f"H{_log(x):.1f}V{_y(y):.1f}" for x, y in points[1:-1])
        path = f"M{_log(0):.1f} {_y(0):.1f}{steps}H{_log(1):.1f}"
        drawn.append(tag("path", tag("title", name), d=path, class_=f"line {colour}"))
    return _svg("ROC", "Recall at each rate of honest accounts accused.", *drawn,
                *_legend(list(curves)))  # fmt: skip


def reliability(bins: Mapping[str, Sequence[ReliabilityBin]]) -> Markup:
    """Draw what came true against what was said, with Wilson intervals.

    Args:
        bins: By name of who said it.
    """
    ticks = [(_x(share), f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1)]
    drawn = [*_y_axis("came true"), *_x_axis(ticks, "confidence said")]
    drawn.append(tag("line", x1=_x(0), y1=_y(0), x2=_x(1), y2=_y(1), class_="ceiling"))
    for place, (name, theirs) in enumerate(bins.items()):
        for one in theirs:
            x = _x(one.said)
            told = f"{name}: {one.claims} claims at {one.said:.2f}, {one.true:.2f} came true"
            drawn += [
                tag("line", x1=x, x2=x, y1=_y(one.true_low), y2=_y(one.true_high),
                    class_=f"line {COLOURS[place]}"),
                tag("circle", tag("title", told), cx=x, cy=_y(one.true),
                    r=3 + min(6.0, math.log10(one.claims) * 2), class_=COLOURS[place]),
            ]  # fmt: skip
    return _svg("Reliability", "Share of claims that came true by the confidence that was said.",
                *drawn, *_legend(list(bins)))  # fmt: skip


def lines(series: Sequence[Line], x_name: str, y_name: str, *, x_most: float = 1.0) -> Markup:
    """Draw lines over a linear axis from 0 to *x_most*; heights are shares."""
    ticks = [(_x(k / 4), f"{x_most * k / 4:g}") for k in range(5)]
    drawn = [*_y_axis(y_name), *_x_axis(ticks, x_name)]
    for place, one in enumerate(series):
        colour = COLOURS[place % len(COLOURS)]
        path = "".join(
            f"{'L' if i else 'M'}{_x(s.x / x_most):.1f} {_y(s.y):.1f}"
            for i, s in enumerate(one.spots)
        )
        drawn.append(tag("path", d=path, class_=f"line {colour}"))
        for spot in one.spots:
            x = _x(spot.x / x_most)
            if spot.low is not None and spot.high is not None:
                drawn.append(tag("line", x1=x, x2=x, y1=_y(spot.low), y2=_y(spot.high),
                                 class_=f"line {colour}"))  # fmt: skip
            told = f"{one.name}: {spot.y:.3f} at {spot.x:g}"
            drawn.append(tag("circle", tag("title", told), cx=x, cy=_y(spot.y), r=4,
                             class_=colour))  # fmt: skip
    return _svg(f"{y_name} against {x_name}", f"{len(series)} lines.", *drawn,
                *_legend([one.name for one in series]))  # fmt: skip


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _log(rate: float) -> float:
    return _x(1 - math.log10(max(rate, LOWEST)) / math.log10(LOWEST))


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def _y_axis(name: str) -> Iterator[Markup]:
    for share in (0, 0.25, 0.5, 0.75, 1):
        at = _y(share)
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid")
        yield tag("text", f"{share:g}", x=LEFT - 8, y=at + 4, class_="tick", text_anchor="end")
    yield tag("text", name, x=0, y=12, class_="unit")


def _x_axis(ticks: Sequence[tuple[float, str]], name: str) -> Iterator[Markup]:
    for at, label in ticks:
        yield tag("text", label, x=at, y=HEIGHT - 22, class_="tick", text_anchor="middle")
    yield tag("text", name, x=WIDTH - RIGHT, y=HEIGHT - 4, class_="unit", text_anchor="end")


def _legend(names: Sequence[str]) -> Iterator[Markup]:
    """Yield the names at the right, below each other, on the curves' own colours."""
    for place, name in enumerate(names):
        y = _y(0) - 14 * (len(names) - place)
        colour = COLOURS[place % len(COLOURS)]
        yield tag("circle", cx=WIDTH - RIGHT - 160, cy=y - 4, r=4, class_=colour)
        yield tag("text", name[:24], x=WIDTH - RIGHT - 150, y=y, class_="tick")


def _svg(title: str, description: str, *drawn: object) -> Markup:
    return tag(
        "svg", tag("title", title), tag("desc", description), *drawn,
        viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=f"{title}. {description}",
    )  # fmt: skip
