"""Charts are well-formed, scaled truly, and cannot be broken out of."""

import xml.etree.ElementTree as ET

import pytest

from stillhunt.hunt.report import charts
from stillhunt.hunt.report.panels import Burst, Point, Rhythm, Scatter, Series, Traffic

HOUR_US = 3_600_000_000
HOSTILE = "</title></svg><script>alert(1)</script>\u202e"


def parsed(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 - our own drawing


def rects(root: ET.Element, name: str) -> list[ET.Element]:
    return [one for one in root.iter("rect") if one.get("class") == name]


def traffic() -> Traffic:
    mine = Series(name=HOSTILE, requests=(4, 0, 6), output_tokens=(40, 0, 60), suspect=True)
    rest = Series(name=None, requests=(6, 0, 0), output_tokens=(0, 0, 0))
    return Traffic(start_us=0, step_us=HOUR_US, series=(mine, rest))


def test_stacked_bars_stand_on_each_other_to_scale() -> None:
    root = parsed(charts.traffic(traffic(), "requests"))
    lower, upper = (path.get("d") or "" for path in root.iter("path"))
    foot, one = charts.HEIGHT - charts.BOTTOM, (charts.HEIGHT - charts.BOTTOM - charts.TOP) / 10
    assert lower.startswith(f"M{charts.LEFT:.1f} {foot - 4 * one:.1f}H")
    assert f"V{foot:.1f}H" in lower
    assert upper.startswith(f"M{charts.LEFT:.1f} {foot - 10 * one:.1f}H")
    assert f"V{foot - 4 * one:.1f}H" in upper
    assert lower.count("M") == 2
    assert upper.count("M") == 1


def test_each_step_says_its_figures_and_empty_ones_nothing() -> None:
    root = parsed(charts.traffic(traffic(), "requests"))
    tips = [hit.findtext("title") for hit in rects(root, "hit")]
    assert len(tips) == 2
    assert tips[0] is not None
    assert tips[0].startswith("1970-01-01 00:00 UTC\n</title>")
    assert tips[0].endswith("everybody else: 6")


@pytest.mark.parametrize(
    "drawing",
    [
        charts.traffic(traffic(), "output tokens"),
        charts.burst(
            Burst(name=HOSTILE, kind="source_ip", start_us=0, per_minute=(1,), bound=None)
        ),
        charts.rhythm(Rhythm(name=HOSTILE, kind="account_id", first_day_us=0, days=((1,) * 24,))),
        charts.scatter(
            Scatter(points=(Point(name=HOSTILE, requests=1, entropy=0, suspect=True),), sampled=1)
        ),
    ],
)
def test_a_hostile_name_stays_text(drawing: str) -> None:
    root = parsed(drawing)
    assert root.find(".//script") is None
    assert "\u202e" not in drawing
    assert all("style" not in one.attrib for one in root.iter())
    assert root.findtext("title")
    assert root.findtext("desc")
    assert root.get("role") == "img"


def test_minutes_above_the_bound_are_hot() -> None:
    burst = Burst(
        name="a", kind="source_ip", start_us=0, per_minute=(50, 100, 101, 0), bound=100.0
    )
    root = parsed(charts.burst(burst))
    assert len(rects(root, "s-hot0")) == 1
    assert len(rects(root, "s-cool1")) == 2
    (line,) = [one for one in root.iter("line") if one.get("class") == "bound"]
    assert line.get("y1") == rects(root, "s-cool1")[1].get("y")


def test_hours_are_shaded_from_nothing_to_the_busiest() -> None:
    days = ((0, 1, 25, 100) + (0,) * 20,)
    root = parsed(charts.rhythm(Rhythm(name=None, kind="", first_day_us=0, days=days)))
    classes = [one.get("class") for one in root.iter("rect")]
    assert classes[:4] == ["h0", "h1", "h3", "h5"]
    assert len(classes) == 24
    assert "Thu 1 Jan" in [text.text for text in root.iter("text")]


def test_a_quiet_heat_map_is_blank() -> None:
    quiet = Rhythm(name="a", kind="account_id", first_day_us=0, days=((0,) * 24,))
    root = parsed(charts.rhythm(quiet))
    assert {one.get("class") for one in root.iter("rect")} == {"h0"}


def test_suspects_are_diamonds_with_a_name() -> None:
    points = (
        Point(name="calm", requests=100, entropy=5.0, suspect=False),
        Point(name="loud", requests=10_000, entropy=0.0, suspect=True),
    )
    root = parsed(charts.scatter(Scatter(points=points, sampled=1)))
    assert len(list(root.iter("circle"))) == 1
    assert [one.get("class") for one in root.iter("path")] == ["ceiling", "point-hot"]
    marks = [one.text for one in root.iter("text") if one.get("class") == "mark"]
    assert marks == ["loud"]


def test_warm_colours_are_for_suspects_and_grey_for_the_rest() -> None:
    def series(name: str | None, suspect: bool = False) -> Series:
        return Series(name=name, requests=(), output_tokens=(), suspect=suspect)

    several = [series("a", True), series("b"), series("c", True), series("d"), series(None)]
    assert [charts.series_class(several, k) for k in range(5)] == [
        "s-hot0", "s-cool0", "s-hot1", "s-cool1", "s-rest",
    ]  # fmt: skip


def test_shares_are_drawn_to_their_part() -> None:
    def width(part: float | None, whole: float | None) -> str | None:
        return parsed(charts.bar(part, whole)).findall("rect")[1].get("width")

    assert (width(1, 2), width(None, 2), width(1, 0), width(3, 2)) == ("30", "0", "0", "60")


def test_attributes_are_escaped_and_named() -> None:
    made = charts.tag("a", "<b>", class_='"x"', stroke_width=1.25, title=None)
    assert str(made) == '<a class="&#34;x&#34;" stroke-width="1.2">&lt;b&gt;</a>'
