"""A rule's file that means nothing is refused with its file, line, key and what was expected."""

from pathlib import Path

import pytest

from stillhunt.hunt.rule import Rule, load_rules, read_rule, rule_schema
from stillhunt.hunt.rule_files import all_rules, rule_file
from stillhunt.hunt.rule_tests import try_rule
from stillhunt.hunt.settings import Hunting, HuntSettings
from stillhunt.model.errors import ConfigError, RuleError

GOOD = """\
version = 2
title = "t"
description = \"\"\"
atlas = nothing
\"\"\"
statistic = "s"
family = "usage"
subject = ["account_id"]
needs = ["account_id"]
atlas = ["AML.T0021"]
severity = 3
look_alikes = "l"
cost_to_evade = "c"
source = "s"

[window]
kind = "bins"
span_us = 86_400_000_000

[filter]
where = [{ column = "status", above = 399 }]

[[stages]]
by = ["account_id", "source_ip"]

[stages.figures]
sent = { measure = "count" }

[[stages]]
by = ["account_id"]

[stages.figures]
total = { measure = "sum", column = "sent" }
kinds = { measure = "count", where = [{ column = "sent", above = "least" }] }

[[bounds]]
figure = "total"
above = "least"

[parameters.least]
type = "integer"
default = 1
note = "n"

[[changelog]]
version = 2
date = 2026-11-24
note = "n"

[[tests]]
name = "n"
rows = [{ repeat = 2, account_id = "a1", status = 400 }]
"""


def refused(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1
    with pytest.raises(RuleError) as caught:
        read_rule("bad", GOOD.replace(old, new, 1), "rules/bad.toml")
    return str(caught.value)


def test_a_good_file_is_a_rule() -> None:
    assert read_rule("good", GOOD).last_figures.keys() == {"total", "kinds"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "t"', "titel = 1", "bad.toml:2: titel is unknown; did you mean title"),
        ('family = "usage"', 'family = "luck"', "bad.toml:7: family is 'luck'"),
        ("version = 2\n", "version = 3\n", "bad.toml:1: version is 3; the changelog ends"),
        ('"AML.T0021"', '"AML.T0012"', "'AML.T0012', which is not in our list; did you mean AML"),
        ('needs = ["account_id"]', 'needs = ["account"]', "did you mean account_id"),
        ("span_us = 86_400_000_000", "span_us = 7", "bad.toml:18: window.span_us is 7; bins divi"),
        ("span_us = 86_400_000_000", "span = 7", "bad.toml:18: window.span is unknown"),
        ('kind = "bins"', 'kind = "lookback"', "bad.toml:16: window.parameter is missing"),
        ('kind = "bins"', 'kind = "sliding"', "window.span_us is 86400000000; the longest is"),
        ('kind = "bins"', 'kind = "weekly"', "bad.toml:17: window.kind is 'weekly'"),
        ('column = "status"', 'column = "stat"', "bad.toml:21: filter.where.0 is 'stat', which"),
        (
            ", above = 399 }",
            " }",
            "bad.toml:21: filter.where.0 says not one thing; expected one of",
        ),
        ('by = ["account_id"]', 'by = ["model"]', "bad.toml:30: stages.1.by is 'model', which"),
        (
            'column = "sent" }',
            'column = "send" }',
            "bad.toml:33: stages.1.figures.total is 'send'",
        ),
        ('measure = "sum"', 'measure = "median"', "bad.toml:33: stages.1.figures.total.measure"),
        ('above = "least" }]', 'above = "last" }]', "bad.toml:34: stages.1.figures.kinds.where.0"),
        ('figure = "total"', 'figure = "sum"', "bad.toml:37: bounds.0.figure is 'sum', which is"),
        (
            'type = "integer"',
            'type = "list"',
            "bad.toml:38: bounds.0.above is 'least', a list; ex",
        ),
        ("default = 1", "default = 1.5", "bad.toml:42: parameters.least.default does not fit"),
        ('type = "integer"', 'type = "minutes"', "bad.toml:41: parameters.least.type"),
        (
            'note = "n"\n\n[[cha',
            'note = "n"\nunit = "bananas"\n\n[[cha',
            "bad.toml:44: parameters.least.unit is 'bananas': Input should be 'accounts', 'addres",
        ),
        (
            'note = "n"\n\n[[cha',
            'note = "n"\nmaximum = 0.5\n\n[[cha',
            "bad.toml:42: parameters.least.default does not fit: bad.least is 1; the most is 0.5",
        ),
        (
            'note = "n"\n\n[[cha',
            'note = "n"\nlargest = 1\n\n[[cha',
            "bad.toml:44: parameters.least.largest is unknown; expected one of type, default,"
            " unit, minimum, maximum, note",
        ),
        (
            "span_us = 86_400_000_000",
            "size = 7",
            "expected one of kind, parameter, span_us, began",
        ),
        ('figure = "total"', 'figur = "total"', "did you mean figure? Expected one of figure,"),
        ("severity = 3", "severity = { level = 3 }", "expected one of default, cases"),
        ("status = 400", "state = 400", "bad.toml:52: tests.0.rows.0 is 'state', which is no col"),
        ("severity = 3", "severity = 6", "severity"),
        (
            "severity = 3",
            'severity = { default = 2, cases = [{ level = 3, figure = "x", above = 1 }] }',
            "bad.toml:11: severity.cases.0 is 'x', which is no figure of this rule",
        ),
        ("version = 2\n", 'version = 2\nname = "x"\n', "name is unknown; a rule is called what"),
        ("version = 2\n", "version =\n", "bad.toml: not TOML"),
        ("kinds = {", '"a; DROP" = {', "bad.toml:34: stages.1.figures.a; DROP is no name for it"),
        ("kinds = {", "order = {", "bad.toml:34: stages.1.figures.order is no name for it"),
        ("kinds = {", "previous_x = {", "is no name for it; expected a plain word"),
        ("kinds = {", "severity = {", "stages.1.figures.severity is a name that is taken"),
        (
            "default = 1",
            f"default = {'9' * 400}",
            "bad.toml:42: parameters.least.default is a number of 1329 bits; the largest is 2^53",
        ),
        (
            "default = 1",
            f"default = '{'9' * 400}'",
            "bad.toml:42: parameters.least.default does not fit: bad.least is '999",
        ),
        ("default = 1", f"default = {'9' * 5000}", "bad.toml: not TOML: Exceeds the limit"),
        (
            "above = 399",
            f"above = {'9' * 400}",
            "bad.toml:21: filter.where.0.above is a number",
        ),
        ("version = 2\n", f"x = {'[' * 100_000}\n", "bad.toml: nested deeper than a rule can be"),
        ('title = "t"', f"title{'.a' * 5_000} = 1", "rules/bad.toml"),
        (
            "[[bounds]]",
            '[[stages]]\nby = ["account_id"]\nfigures = { n = { measure = "count" } }\n' * 7
            + "[[bounds]]",
            "stages is ",
        ),
        (
            ", above = 399",
            ', one_of = [400, "forbidden"]',
            "bad.toml:21: filter.where.0 compares 'status', a number, with 'forbidden'; expected"
            " values of its kind, such as [401, 403]",
        ),
        (
            'column = "status", above = 399',
            'column = "path", one_of = [1]',
            "bad.toml:21: filter.where.0 compares 'path', a text, with '1'; expected values of",
        ),
        (
            'column = "status", above = 399',
            'column = "model", above = 1',
            "bad.toml:21: filter.where.0 is about 'model', a text; expected a number",
        ),
        (
            'column = "status", above = 399',
            'column = "stream", one_of = ["true"]',
            "bad.toml:21: filter.where.0 is about 'stream', which is true or false",
        ),
        (
            'column = "status", above = 399',
            'column = "status", differs_from = "path"',
            "bad.toml:21: filter.where.0 compares 'status', a number, with 'path', a text",
        ),
        (
            'sent = { measure = "count" }',
            'sent = { measure = "sum", column = "model" }',
            "bad.toml:27: stages.0.figures.sent measures 'model', a text; expected a column of",
        ),
        (
            "severity = 3",
            'severity = { default = 2, cases = [{ level = 3, column = "account_id",'
            " one_of = [7] }] }",
            "bad.toml:11: severity.cases.0 compares 'account_id', a text, with '7'",
        ),
        (
            'look_alikes = "l"',
            'look_alikes = "\\u001b]0;pwn\\u0007"',
            "bad.toml:12: look_alikes holds the control character U+001B; expected characters",
        ),
        (
            'title = "t"',
            'title = "\\u0007"',
            "bad.toml:2: title holds the control character",
        ),
        ('title = "t"', 'title = "a\\nb"', "bad.toml:2: title holds the control character U+000A"),
        (
            'title = "t"',
            'title = "\\u202e"',
            "title holds the control character U+202E",
        ),
        ('title = "t"', '"\\u001b" = "t"', "\\x1b holds the control character U+001B"),
        ("above = 399", "above = inf", "bad.toml:21: filter.where.0 is above or below inf"),
    ],
)
def test_a_mistake_is_named_with_line_and_key(old: str, new: str, said: str) -> None:
    assert said in refused(old, new)


def test_a_list_of_words_is_no_list_of_numbers() -> None:
    listed = '[parameters.refusals]\ntype = "list"\ndefault = "401"\nnote = "n"\n\n[[changelog]]'
    text = GOOD.replace("above = 399", 'one_of = "refusals"').replace("[[changelog]]", listed)
    with pytest.raises(RuleError, match=r"bad\.toml:21: filter\.where\.0 compares 'status'"):
        read_rule("bad", text, "rules/bad.toml")


def test_a_mistake_shows_no_more_of_a_value_than_fits() -> None:
    stage = '[[stages]]\nby = ["account_id"]\nfigures = { n = { measure = "count" } }\n'
    said = refused("[[bounds]]", stage * 1_500 + "[[bounds]]")
    assert "at most 8 items" in said
    assert len(said) < 400


def test_prose_has_lines_and_tabs() -> None:
    rule = read_rule("good", GOOD.replace('look_alikes = "l"', 'look_alikes = "a\\n\\tb"'))
    assert rule.look_alikes == "a\n\tb"


def test_a_long_text_is_not_read_as_keys() -> None:
    assert refused('atlas = ["AML.T0021"]', 'atlas = ["x"]').startswith("rules/bad.toml:10: ")


def test_everything_that_a_rule_may_hold_is_in_its_schema() -> None:
    schema = rule_schema()
    assert schema["additionalProperties"] is False
    assert {"window", "stages", "tests", "changelog"} <= schema["properties"].keys()
    assert "name" not in schema["properties"]


def test_nobody_says_by_hand_how_good_a_rule_is() -> None:
    assert "measured" not in rule_schema()["properties"]
    claim = "[measured]\nprecision = 1.0\nrecall = 1.0\npopulation = 'mine'\nversion = 1\n"
    with pytest.raises(RuleError, match=r"rules/bad\.toml:\d+: measured is no key of a rule"):
        read_rule("bad", f"{GOOD}\n{claim}", "rules/bad.toml")


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: str(rule.name))
def test_every_number_of_a_rule_has_a_range_in_which_it_can_fire(rule: Rule) -> None:
    for one in rule.known_parameters:
        if one.kind not in ("integer", "number", "map"):
            continue
        assert "minimum" in rule.parameters[one.name].model_fields_set, one.full_name
        assert one.maximum is not None, one.full_name
        one.parse(one.default)
        ends = (one.minimum - 1, one.maximum + 1)
        for end in ends:
            told = f"*={end:.0f}" if one.kind == "map" else f"{end:.0f}"
            with pytest.raises(ConfigError):
                one.parse(told)


def test_bounds_that_nothing_can_exceed_are_refused() -> None:
    rules = {rule.name: rule for rule in load_rules()}
    for name, parameter, value in (
        ("round_the_clock", "hours", "24"), ("new_model_pivot", "share", "1"),
    ):  # fmt: skip
        (one,) = (p for p in rules[name].known_parameters if p.name == parameter)
        with pytest.raises(ConfigError, match="the most is"):
            one.parse(value)


def test_ids_of_shipped_rules_are_their_own() -> None:
    rules = load_rules()
    assert len({rule.uid for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.id is not None
        assert rule.changelog
        assert len(rule.tests) >= 4
        assert "AML.T" in " ".join(rule.atlas)


def test_the_rule_in_the_documentation_is_one_and_passes_its_tests() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    outcomes = list(try_rule(read_rule("many_refusals", text)))
    assert len(outcomes) == 2
    assert all(one.is_passed for one in outcomes)


def settings(folder: Path, *patterns: str) -> HuntSettings:
    return HuntSettings(folder=folder, hunt=Hunting(rules=patterns))


def test_rules_of_ones_own_stand_behind_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "my_rule.toml").write_text(GOOD)
    names = [rule.name for rule in all_rules(settings(tmp_path, "mine/*.toml"))]
    assert names == [*(rule.name for rule in load_rules()), "my_rule"]
    absolute = settings(Path("elsewhere"), str(tmp_path / "mine" / "*.toml"))
    assert [rule.name for rule in all_rules(absolute)] == names


def test_a_rule_cannot_take_the_name_of_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "volume.toml").write_text(GOOD)
    with pytest.raises(RuleError, match="a rule is called volume already"):
        all_rules(settings(tmp_path, "*.toml"))


@pytest.mark.parametrize("name", ["cadence", "Repetition", "VOLUME", "Burst"])
def test_a_name_is_taken_by_rules_and_detectors_however_it_is_written(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / f"{name}.toml").write_text(GOOD)
    with pytest.raises(RuleError, match=f"a (rule|detector) is called {name} already; rename"):
        all_rules(settings(tmp_path, "*.toml"))


def test_own_rules_do_not_share_a_name_either(tmp_path: Path) -> None:
    for folder, name in (("a", "mine"), ("b", "Mine")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.toml").write_text(GOOD)
    with pytest.raises(RuleError, match=r"Mine\.toml: a rule is called Mine already"):
        all_rules(settings(tmp_path, "a/*.toml", "b/*.toml"))


def test_an_id_is_that_of_one_rule(tmp_path: Path) -> None:
    shipped = {rule.name: rule.uid for rule in load_rules()}["volume"]
    (tmp_path / "mine.toml").write_text(f'# mine\nid = "{shipped}"\n{GOOD}')
    with pytest.raises(RuleError, match=rf"mine\.toml:2: id is {shipped}, that of the rule vol"):
        all_rules(settings(tmp_path, "*.toml"))


def test_a_pattern_without_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file is there for 'x/\*.toml'"):
        all_rules(settings(tmp_path, "x/*.toml"))


def test_a_file_is_called_like_a_word_and_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="called like a word"):
        rule_file(tmp_path / "my-rule.toml")
    with pytest.raises(RuleError, match="cannot be read"):
        rule_file(tmp_path / "absent.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(RuleError, match="larger than a rule can be"):
        rule_file(tmp_path / "large.toml")
