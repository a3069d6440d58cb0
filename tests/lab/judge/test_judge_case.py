"""From files to a judgement: tokens by moment, pooling, the page, the command."""

import datetime
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

from stillhunt.cli import app
from stillhunt.lab.judge import telling
from stillhunt.lab.judge.case import Case, Rules, pooled_cases, put_together
from stillhunt.lab.judge.judgement import Bootstrap, conclude
from stillhunt.lab.judge.page import Page, Section, Table, render
from stillhunt.lab.judge.shape import Judgement, judgement_schema

HOUR = 3_600_000_000
FEW = Bootstrap(rounds=20)


def moment(hours: float) -> str:
    at = datetime.datetime.fromtimestamp(hours * 3600, datetime.UTC)
    return at.isoformat().replace("+00:00", "Z")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Write a pool of four, ten honest accounts, and a report that names three and one."""
    truth: list[dict[str, Any]] = [
        {"account_id": f"p{i}", "label": "attack", "campaign": "pool", "kind": "relay",
         "group": "pool-1"} for i in range(5)
    ]  # fmt: skip
    truth += [
        {"account_id": f"h{i}", "label": "benign", "campaign": None,
         "kind": "judge" if i < 3 else "person"} for i in range(11)
    ]  # fmt: skip
    # p4 and h10 never sent anything; each of the others 10 tokens at every full hour, 0 to 9
    rows = [
        {"ts_us": hour * HOUR, "account_id": one["account_id"], "output_tokens": 10,
         "org_id": "o" if one["account_id"] in {"h0", "h1"} else None,
         "prompt": f"tell me about number {hour}", "source_ip": "192.0.2.1"}
        for hour in range(10) for one in truth if one["account_id"] not in {"p4", "h10"}
    ]  # fmt: skip
    report = {
        "schema": "stillhunt.report/1",
        "accounts": [
            {"account_id": a, "severity": s, "score": x, "q_value": q, "campaign_id": "c"}
            for a, s, x, q in (("p0", 5, 4.0, 0.001), ("p1", 4, 3.0, 0.001), ("p2", 3, 2.0, 0.02),
                               ("h0", 3, 1.0, 0.04), ("p3", 2, 9.0, None))
        ],
        "campaigns": [
            {"id": "c", "severity": 5, "score": 9.0, "confidence": 0.9,
             "accounts": ["p0", "p1", "p2", "h0"], "possible": ["p3"],
             "first_alert_at": moment(2.5)},
            {"id": "low", "severity": 2, "confidence": 0.2, "accounts": ["h3", "h4"],
             "first_alert_at": moment(0)},
        ],
    }  # fmt: skip
    paths = {"report": tmp_path / "report.json", "truth": tmp_path / "truth.jsonl",
             "exchanges": tmp_path / "exchanges.jsonl"}  # fmt: skip
    paths["report"].write_text(json.dumps(report))
    for name, lines in (("truth", truth), ("exchanges", rows)):
        paths[name].write_text("".join(json.dumps(line) + "\n" for line in lines))
    return paths


def put(
    files: dict[str, Path], *, with_baselines: bool = True, rules: Rules | None = None
) -> Case:
    return put_together(
        files["report"], files["truth"], files["exchanges"],
        with_baselines=with_baselines, rules=rules or Rules(),
    )  # fmt: skip


def judged(files: dict[str, Path], **rules: int) -> Judgement:
    case = put(files, rules=Rules(**rules), with_baselines=False)
    return conclude(case, bootstrap=FEW)


def test_only_accounts_that_sent_something_are_judged(files: dict[str, Path]) -> None:
    people = judged(files).population
    assert (people.known, people.accounts, people.attackers, people.honest) == (16, 14, 4, 10)
    assert (people.tenants, people.groups, people.strangers) == (9, 1, 0)  # h0 and h1 are one
    without = conclude(put_together(files["report"], files["truth"]), bootstrap=FEW)
    assert (without.population.accounts, without.population.activity) == (16, "truth")
    assert without.population.tenants == 11
    assert without.groups[0].tokens is None
    assert without.honest_tokens_stopped is None


def test_severities_give_the_figures_worked_out_by_hand(files: dict[str, Path]) -> None:
    low, medium, high, critical = judged(files).at_severity
    assert [(one.attackers, one.honest) for one in (low, medium, high, critical)] == [
        (4, 1), (3, 1), (2, 0), (1, 0)
    ]  # fmt: skip
    assert medium.recall is not None
    assert medium.recall.value == 0.75
    assert medium.recall.low is None  # one group gives no interval
    assert medium.precision == 0.75
    assert medium.precision_at["0.01"] == pytest.approx(0.0075 / (0.0075 + 0.99 * 0.1))
    assert high.precision == 1
    bound = 1 - 0.05 ** (1 / 10)
    assert high.fpr_bound == pytest.approx(bound, rel=1e-5)
    assert high.precision_bound_at["0.01"] == pytest.approx(0.005 / (0.005 + 0.99 * bound))


def test_a_rate_that_so_few_honest_accounts_cannot_show_is_not_claimed(
    files: dict[str, Path],
) -> None:
    one = judged(files)
    assert [(at.is_measurable, at.honest_needed, at.recall) for at in one.score.at_fpr] == [
        (False, 1_000, None), (False, 10_000, None)
    ]  # fmt: skip
    assert one.score.recall_at_zero is not None
    assert one.score.recall_at_zero.value == 0.75  # p3 has no q-value: it stands below h0
    assert any("10 honest accounts cannot show" in note for note in one.notes)
    assert any("precision of" in note for note in one.notes)


def test_honest_accounts_are_told_by_kind_and_severity(files: dict[str, Path]) -> None:
    judge, person = judged(files).honest
    assert (judge.kind, judge.accounts, judge.score) == ("judge", 3, 1.0)
    assert judge.accused == {"2": 1, "3": 1, "4": 0, "5": 0}
    assert judge.share_medium == pytest.approx(1 / 3)
    assert (person.kind, person.accounts, person.score) == ("person", 7, None)


def test_the_group_and_its_tokens_are_those_worked_out_by_hand(files: dict[str, Path]) -> None:
    one = judged(files)
    (group,) = one.groups
    assert (group.accounts, group.named, group.purity) == (4, 3, 0.75)
    assert (group.completeness, group.suspected, group.is_found) == (0.75, 1.0, False)
    assert group.recall_at_severity == {"2": 1.0, "3": 0.75, "4": 0.5, "5": 0.25}
    assert group.tokens is not None
    assert group.tokens.in_all == 400
    assert group.tokens.first_alert_at == "1970-01-01T02:30:00Z"
    assert group.tokens.before_alert == 4 * 3 * 10  # hours 0, 1 and 2
    # an hour later the three named ones are stopped, hour 3 included; p3 goes on
    assert group.tokens.before_containment == 3 * 4 * 10 + 100
    assert one.honest_tokens_stopped == 60  # h0 from hour 4 on
    assert one.campaigns.false == []  # "low" tells nobody


def test_severity_and_reaction_say_who_is_told_and_when(files: dict[str, Path]) -> None:
    one = judged(files, reaction_us=0, least_severity=2)
    (group,) = one.groups
    assert group.tokens is not None
    assert group.tokens.before_containment == 3 * 3 * 10 + 100
    assert [(c.id, c.honest, c.kinds) for c in one.campaigns.false] == [("low", 2, {"person": 2})]
    assert one.honest_tokens_stopped == 70 + 200  # h3 and h4 lose everything
    later = judged(files, reaction_us=100 * HOUR)
    assert later.groups[0].tokens is not None
    assert later.groups[0].tokens.before_containment == 400


def change(files: dict[str, Path], **campaign: object) -> None:
    """Change the campaign of the report."""
    report = json.loads(files["report"].read_text())
    report["campaigns"][0] |= campaign
    files["report"].write_text(json.dumps(report))


@pytest.mark.parametrize(("severity", "before"), [(3, 120), (2, 400)])
def test_a_campaign_at_the_severity_itself_tells(
    files: dict[str, Path], severity: int, before: int
) -> None:
    change(files, severity=severity)
    tokens = judged(files).groups[0].tokens
    assert tokens is not None
    assert tokens.before_alert == before


def test_a_campaign_that_is_half_a_group_is_not_about_it(files: dict[str, Path]) -> None:
    change(files, accounts=["p0", "p1", "h0", "h1"])
    one = judged(files)
    assert one.groups[0].tokens is not None
    assert one.groups[0].tokens.before_alert == 400
    assert [(b.said, b.true) for b in one.reliability.campaigns] == [(0.2, 0), (0.9, 0)]


def test_a_group_that_nobody_was_told_of_took_everything(files: dict[str, Path]) -> None:
    report = json.loads(files["report"].read_text())
    report["campaigns"][0]["first_alert_at"] = None
    files["report"].write_text(json.dumps(report))
    one = judged(files)
    assert one.groups[0].tokens is not None
    assert one.groups[0].tokens.before_alert == one.groups[0].tokens.before_containment == 400
    assert one.groups[0].tokens.first_alert_at is None
    assert any("without a replay" in note for note in one.notes)


def test_an_account_with_an_alert_of_its_own_is_stopped_after_that(files: dict[str, Path]) -> None:
    report = json.loads(files["report"].read_text())
    report["accounts"][0]["first_alert_at"] = moment(5.5)
    files["report"].write_text(json.dumps(report))
    tokens = judged(files).groups[0].tokens
    assert tokens is not None
    assert tokens.before_containment == 2 * 4 * 10 + 7 * 10 + 100


def test_reliability_is_of_campaigns_and_of_accounts_with_a_q_value(
    files: dict[str, Path],
) -> None:
    found = judged(files).reliability
    assert [(b.claims, b.said, b.true) for b in found.campaigns] == [(1, 0.2, 0), (1, 0.9, 1)]
    assert sum(b.claims for b in found.accounts) == 4
    odds = 1 / (1 + np.exp(-1.0))  # of h0, alone in its bin
    (alone,) = (b for b in found.accounts if b.low == 0.7)
    assert alone.said == pytest.approx(odds)
    assert alone.true == 0
    assert [(q.bound, q.accounts, q.honest) for q in found.q_values] == [
        (0.001, 2, 0), (0.01, 2, 0), (0.05, 4, 1), (0.1, 4, 1)
    ]  # fmt: skip


def test_recall_is_told_by_campaign_exchanges_and_familiarity(files: dict[str, Path]) -> None:
    case = put(files, with_baselines=False)
    one = conclude(case, unseen=["pool"], bootstrap=FEW)
    assert [(p.name, p.accounts) for p in one.by_campaign] == [("pool", 4)]
    assert [(p.name, p.accounts) for p in one.by_exchanges] == [("8-19", 4)]
    assert [p.name for p in one.by_familiarity] == ["unseen"]
    assert one.by_campaign[0].recall_at_severity == {"2": 1.0, "3": 0.75, "4": 0.5, "5": 0.25}
    assert one.by_campaign[0].recall_at_fpr == {"0.001": None, "0.0001": None}


def test_a_case_is_kept_and_read_again(files: dict[str, Path], tmp_path: Path) -> None:
    case = put(files)
    case.keep(tmp_path / "kept")
    again = Case.kept(tmp_path / "kept")
    assert len(again.rivals) == 8
    assert conclude(again, bootstrap=FEW) == conclude(case, bootstrap=FEW)


def test_pooled_cases_add_up_and_their_names_stay_apart(files: dict[str, Path]) -> None:
    case = put(files, with_baselines=False)
    five = conclude(pooled_cases({str(seed): case for seed in range(5)}), bootstrap=FEW)
    people = five.population
    assert (people.accounts, people.attackers, people.groups, people.tenants) == (70, 20, 5, 45)
    assert [group.group for group in five.groups] == [f"{seed}/pool-1" for seed in range(5)]
    recall = five.at_severity[1].recall
    assert recall is not None
    assert (recall.value, recall.low, recall.high) == (0.75, 0.75, 0.75)  # five alike
    assert five.honest_tokens_stopped == 300
    same = pooled_cases({str(n): case for n in range(5)}, {str(n): "crowd" for n in range(5)})
    again = conclude(same, bootstrap=FEW)
    assert (again.population.tenants, again.population.honest) == (9, 50)
    assert (again.population.distinct_honest, five.population.distinct_honest) == (10, 50)
    alone = judged(files)
    assert [s.fpr_bound for s in again.at_severity] == [s.fpr_bound for s in alone.at_severity]
    assert five.at_severity[2].fpr_bound == pytest.approx(1 - 0.05 ** (1 / 50), rel=1e-5)
    assert any("10 honest accounts cannot show" in note for note in again.notes)


def test_a_judgement_is_what_its_schema_says(files: dict[str, Path]) -> None:
    document = conclude(put(files), bootstrap=FEW).model_dump(mode="json", by_alias=True)
    jsonschema.Draft202012Validator(judgement_schema()).validate(document)
    assert document["schema"] == "stillhunt.judgement/1"
    assert len(document["baselines"]) == 8
    json.dumps(document, allow_nan=False)


def test_honest_accounts_alone_are_judged_without_recall(
    files: dict[str, Path], tmp_path: Path
) -> None:
    lines = [line for line in files["truth"].read_text().splitlines() if '"benign"' in line]
    files["truth"].write_text("\n".join(lines))
    one = judged(files)
    assert one.score.pr_auc is None
    assert one.score.recall_at_zero is None
    assert one.at_severity[1].recall is None
    assert one.at_severity[1].honest == 1
    assert one.campaigns.groups == 0
    assert any("nobody attacks here" in note for note in one.notes)
    assert "Judgement" in render(telling.page_of(one))


def test_the_page_escapes_what_it_is_told() -> None:
    page = Page(title="<b>", lead="&", notes=["x<script>"], tiles=[("<i>", "1", "2")],
                sections=[Section("<u>", tables=[Table(("<h>",), [("<td>",)])])])  # fmt: skip
    text = render(page)
    for wrong in ("<b>", "x<script>", "<i>", "<u>", "<h>"):
        assert wrong not in text.lower().replace("<style>", "")
    assert "default-src &#39;none&#39;" in text


def test_the_command_writes_json_and_a_page(files: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    told = ["lab", "judge", "--rounds", "20", "--html", str(page), "--unseen", "pool"]
    told += [word for name, path in files.items() for word in (f"--{name}", str(path))]
    done = CliRunner().invoke(app, [*told, "--json", "-"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["population"]["attackers"] == 4
    assert "severity 3 or more: recall 0.750, 1 honest accused" in done.stderr
    text = page.read_text()
    assert "pool-1" in text
    assert text.count("<svg") == 2


def test_the_command_prints_its_schema() -> None:
    done = CliRunner().invoke(app, ["schema", "judgement"])
    assert json.loads(done.stdout)["title"] == "stillhunt.judgement/1"
