"""Charts as SVG text: no library, no script, no style attribute.

Colours are classes that the page's style sheet fills, so that one picture serves the light
and the dark page. Whatever came out of a log passes through ``tag``, which escapes it.
"""

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from stillhunt.hunt.report.figures import clock, compact, count, day, span
from stillhunt.hunt.report.panels import Burst, Rhythm, Scatter, Series, Traffic
from stillhunt.hunt.report.visible import visible

__all__ = ["bar", "burst", "rhythm", "scatter", "series_class", "tag", "traffic"]

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
WIDTH, HEIGHT, LOW = 1_080, 210, 150
LEFT, RIGHT, TOP, BOTTOM = 54, 8, 22, 24
NAME = 32
TICKS = tuple(
    hours * HOUR_US // 60
    for hours in (1, 2, 5, 10, 15, 30, 60, 180, 360, 720, 1_440, 2_880, 10_080, 20_160, 43_200)
)
WEEKDAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")  # the epoch was a Thursday


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return one element; children and attribute values are escaped, ``_`` becomes ``-``.

    A trailing underscore keeps a name out of Python's way: ``class_``.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(str(escape(child)) for child in children if child is not None)
    return Markup(f"<{name}{said}>{inner}</{name}>")  # noqa: S704 - every part was escaped


def series_class(series: Sequence[Series], place: int) -> str:
    """Return the colour class of one band: suspects warm, others cool, the rest grey."""
    one = series[place]
    if one.name is None:
        return "s-rest"
    number = sum(other.suspect == one.suspect for other in series[:place])
    return f"s-hot{number % 3}" if one.suspect else f"s-cool{number % 6}"


def traffic(picture: Traffic, unit: str) -> Markup:
    """Draw requests or output tokens over time, stacked.

    Args:
        picture: The traffic.
        unit: ``requests`` or ``output tokens``.
    """
    bands = [s.requests if unit == "requests" else s.output_tokens for s in picture.series]
    totals = [sum(values) for values in zip(*bands, strict=True)]
    bins = len(totals)
    y = _Scale(0, max(totals, default=1) or 1)
    wide = (WIDTH - LEFT - RIGHT) / bins
    gap = 1 if wide > 4 else 0  # noqa: PLR2004 - thinner bars would vanish
    below = [0] * bins
    drawn = []
    for place, values in enumerate(bands):
        parts = []
        for step, value in enumerate(values):
            if value:
                top, foot = y(below[step] + value), y(below[step])
                left, right = LEFT + step * wide, LEFT + (step + 1) * wide - gap
                parts.append(f"M{left:.1f} {top:.1f}H{right:.1f}V{foot:.1f}H{left:.1f}z")
                below[step] += value
        drawn.append(tag("path", d="".join(parts), class_=series_class(picture.series, place)))
    hits = [
        _hit(LEFT + k * wide, wide, _traffic_tip(picture, bands, k))
        for k in range(bins)
        if totals[k]
    ]
    length = bins * picture.step_us
    return _svg(
        f"{unit.capitalize()} over time",
        f"Stacked bars of {unit} in steps of {span(picture.step_us)}; "
        f"at most {count(max(totals, default=0))} in one step.",
        *_y_axis(y, f"{unit} per {span(picture.step_us)}"),
        *_time_axis(picture.start_us, length),
        *drawn,
        *hits,
    )


def burst(picture: Burst) -> Markup:
    """Draw requests per minute around the busiest minute, with the rule's bound as a line."""
    top = max(*picture.per_minute, picture.bound or 0)
    y = _Scale(0, top, LOW)
    wide = (WIDTH - LEFT - RIGHT) / len(picture.per_minute)
    bars = []
    for step, value in enumerate(picture.per_minute):
        if not value:
            continue
        is_above = picture.bound is not None and value > picture.bound
        at = clock(picture.start_us + step * MINUTE_US)
        bars.append(
            tag(
                "rect",
                tag("title", f"{at}: {count(value)} requests"),
                x=LEFT + step * wide,
                y=y(value),
                width=max(1, wide - 1),
                height=y(0) - y(value),
                class_="s-hot0" if is_above else "s-cool1",
            )
        )
    line = []
    if picture.bound is not None:
        at_y = y(picture.bound)
        line = [
            tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at_y, y2=at_y, class_="bound"),
            tag("text", f"bound {count(picture.bound)}", x=WIDTH - RIGHT - 2, y=at_y - 5,
                class_="bound-label", text_anchor="end"),
        ]  # fmt: skip
    return _svg(
        f"Requests per minute of {visible(picture.name, NAME)}",
        f"Two hours around the busiest minute, which had {count(max(picture.per_minute))}.",
        *_y_axis(y, "requests per minute"),
        *_time_axis(picture.start_us, len(picture.per_minute) * MINUTE_US, LOW),
        *bars,
        *line,
        height=LOW,
    )


def rhythm(picture: Rhythm) -> Markup:
    """Draw a heat map: a row for each day, a column for each hour of the day, UTC."""
    cell, left, top = 14, 74, 18
    most = max((max(hours) for hours in picture.days), default=0)
    drawn: list[Markup] = [
        tag("text", f"{hour:02d}", x=left + hour * cell, y=12, class_="tick")
        for hour in (0, 6, 12, 18)
    ]
    for row, hours in enumerate(picture.days):
        start = picture.first_day_us + row * DAY_US
        y = top + row * cell
        week = WEEKDAYS[(start // DAY_US) % 7]
        is_rest = " weekend" if week in {"Sat", "Sun"} else ""
        label = f"{week} {_day(start)}"
        drawn.append(
            tag("text", label, x=left - 8, y=y + 10, class_=f"tick{is_rest}", text_anchor="end")
        )
        for hour, value in enumerate(hours):
            title = tag("title", f"{label} {hour:02d}:00 · {count(value)}") if value else None
            drawn.append(
                tag("rect", title, x=left + hour * cell, y=y, width=cell - 2, height=cell - 2,
                    rx=2, class_=f"h{_level(value, most)}")
            )  # fmt: skip
    who = "everybody" if picture.name is None else visible(picture.name, NAME)
    return _svg(
        f"Requests of {who} by day and hour",
        f"{len(picture.days)} days of 24 hours, UTC; the busiest hour had {count(most)} requests.",
        *drawn,
        width=left + 24 * cell,
        height=top + len(picture.days) * cell,
    )


def scatter(picture: Scatter) -> Markup:
    """Draw entropy of the templates against the number of requests, one mark an account."""
    height = 330
    most = max(point.requests for point in picture.points)
    bits = max(1.0, math.log2(max(2, most)), *(point.entropy for point in picture.points))
    x = _Log(1, max(10, most), LEFT, WIDTH - RIGHT)
    y = _Scale(0, bits, height)
    honest = [p for p in picture.points if not p.suspect]
    accused = [p for p in picture.points if p.suspect]
    marks = [
        tag("circle", tag("title", _point_tip(p.name, p.requests, p.entropy)),
            cx=x(p.requests), cy=y(p.entropy), r=4, class_="point")
        for p in honest
    ]  # fmt: skip
    for place, p in enumerate(accused):
        cx, cy = x(p.requests), y(p.entropy)
        marks.append(
            tag("path", tag("title", _point_tip(p.name, p.requests, p.entropy)),
                d=f"M{cx:.1f} {cy - 7:.1f}l7 7l-7 7l-7 -7z", class_="point-hot")
        )  # fmt: skip
        if place < 6:  # noqa: PLR2004 - more labels would lie on each other
            end = cx > WIDTH - 220
            marks.append(
                tag("text", visible(p.name, 24), x=cx + (-12 if end else 12), y=cy + 4,
                    class_="mark", text_anchor="end" if end else "start")
            )  # fmt: skip
    ceiling = f"M{x(1):.1f} {y(0):.1f}L{x(most):.1f} {y(math.log2(max(1, most))):.1f}"
    return _svg(
        "Entropy against volume",
        f"{len(picture.points)} accounts by requests (logarithmic) and by the entropy of their "
        "prompt templates in bits; the line is the most that so many requests can have.",
        *_y_axis(y, "entropy of templates [bits]"),
        *_log_axis(x, height),
        tag("path", d=ceiling, class_="ceiling"),
        tag("text", "every prompt different", x=x(most) - 6, y=y(math.log2(max(1, most))) - 4,
            class_="tick", text_anchor="end"),
        tag("text", "one template", x=x(12), y=y(0) - 6, class_="tick"),
        *marks,
        height=height,
    )  # fmt: skip


def bar(part: float | None, whole: float | None) -> Markup:
    """Draw the share of one row of a table."""
    wide = 0.0 if not part or not whole else 60 * min(1.0, part / whole)
    return tag(
        "svg",
        tag("rect", x=0, y=0, width=60, height=8, rx=2, class_="track"),
        tag("rect", x=0, y=0, width=wide, height=8, rx=2, class_="s-cool0"),
        class_="bar", viewBox="0 0 60 8", aria_hidden="true",
    )  # fmt: skip


class _Scale:
    """From a figure to a height, linear, with round ticks."""

    def __init__(self, low: float, high: float, height: int = HEIGHT) -> None:
        self.step = _round_step(high - low)
        self.low, self.high = low, math.ceil(high / self.step) * self.step
        self.foot, self.head = height - BOTTOM, TOP

    def __call__(self, value: float) -> float:
        """Return where *value* stands, from the top."""
        return self.foot - (value - self.low) / (self.high - self.low) * (self.foot - self.head)

    def ticks(self) -> Iterable[float]:
        """Return round figures from the foot to the head."""
        return (self.low + k * self.step for k in range(round(self.high / self.step) + 1))


class _Log:
    """From a figure to a place from the left, logarithmic."""

    def __init__(self, low: float, high: float, left: float, right: float) -> None:
        self.low, self.high, self.left, self.right = low, high, left, right

    def __call__(self, value: float) -> float:
        """Return where *value* stands."""
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.left + share * (self.right - self.left - 12)


def _round_step(reach: float) -> float:
    rough = max(reach, 1e-9) / 4.5  # four or five lines are enough to read a height by
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(m for m in (1, 2, 2.5, 5, 10) if m * power >= rough) * power)


def _level(value: int, most: int) -> int:
    """Return a shade from 0 (nothing) to 5; square roots keep quiet hours visible."""
    return 0 if not value else max(1, math.ceil(5 * math.sqrt(value / most)))


def _svg(
    title: str, description: str, *drawn: object, width: int = WIDTH, height: int = HEIGHT
) -> Markup:
    return tag(
        "svg",
        tag("title", title),
        tag("desc", description),
        *drawn,
        viewBox=f"0 0 {width} {height}", role="img", aria_label=f"{title}. {description}",
    )  # fmt: skip


def _y_axis(y: _Scale, unit: str) -> Iterable[Markup]:
    for value in y.ticks():
        at = y(value)
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid")
        yield tag("text", compact(value), x=LEFT - 8, y=at + 4, class_="tick", text_anchor="end")
    yield tag("text", unit, x=0, y=12, class_="unit")


def _time_axis(start_us: int, length_us: int, height: int = HEIGHT) -> Iterable[Markup]:
    step = next((s for s in TICKS if length_us / s <= 9), TICKS[-1])  # noqa: PLR2004 - labels fit
    first = -(-start_us // step) * step
    for at in range(first, start_us + length_us + 1, step):
        x = LEFT + (at - start_us) / length_us * (WIDTH - LEFT - RIGHT)
        is_day = step >= DAY_US or at % DAY_US == 0
        label = _day(at) if is_day else clock(at)[11:]
        yield tag("line", x1=x, x2=x, y1=height - BOTTOM, y2=height - BOTTOM + 4, class_="axis")
        side = "end" if x > WIDTH - 40 else "start" if x < LEFT + 10 else "middle"
        yield tag("text", label, x=x, y=height - 6, class_="tick", text_anchor=side)


def _day(moment_us: int) -> str:
    """Return "4 Mar"."""
    return day(moment_us)[:-5]


def _log_axis(x: _Log, height: int) -> Iterable[Markup]:
    for power in range(int(math.log10(x.high)) + 1):
        at = x(10**power)
        yield tag("line", x1=at, x2=at, y1=TOP, y2=height - BOTTOM, class_="grid")
        yield tag(
            "text", compact(10**power), x=at, y=height - 6, class_="tick", text_anchor="middle"
        )
    yield tag("text", "requests", x=WIDTH - RIGHT, y=height - 6, class_="unit", text_anchor="end")


def _hit(x: float, wide: float, tip: str) -> Markup:
    """Return an invisible column that says its figures when pointed at."""
    height = HEIGHT - TOP - BOTTOM
    return tag("rect", tag("title", tip), x=x, y=TOP, width=wide, height=height, class_="hit")


def _traffic_tip(picture: Traffic, bands: Sequence[Sequence[int]], step: int) -> str:
    lines = [clock(picture.start_us + step * picture.step_us) + " UTC"]
    for series, values in zip(picture.series, bands, strict=True):
        if values[step]:
            name = "everybody else" if series.name is None else visible(series.name, NAME)
            lines.append(f"{name}: {count(values[step])}")
    return "\n".join(lines)


def _point_tip(name: str, requests: int, bits: float) -> str:
    return f"{visible(name, NAME)}\n{count(requests)} requests, {bits:.2f} bits"


def _number(value: object) -> object:
    """Return a coordinate to a tenth of a pixel."""
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
