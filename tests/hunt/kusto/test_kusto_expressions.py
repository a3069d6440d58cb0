import pytest

from stillhunt.hunt.kusto.expressions import aggregate, condition, written
from stillhunt.hunt.kusto.scope import Edges, Said, Scope, Written
from stillhunt.hunt.plan import (
    Aggregate,
    AllOf,
    AnyOf,
    Bin,
    Cases,
    Column,
    Compare,
    Constant,
    Edge,
    Expression,
    First,
    Known,
    Largest,
    Member,
    Minus,
    Prefix,
    Ratio,
)
from stillhunt.model.errors import ExportError

COLUMNS = {
    "ts_us": Written("TimeGenerated", "time", True),
    "previous_ts_us": Written("PreviousTimeGenerated", "time"),
    "account_id": Written("AccountId", "text"),
    "model": Written("Model", "text"),
    "source_ip": Written("SourceIP", "text", True),
    "output_tokens": Written("OutputTokens", "long"),
    "n": Written("N", "long", True),
}
NOW = Scope(COLUMNS, Edges(after="ago(1d)", closed=False, until=None))
BINS = Scope(COLUMNS, Edges(after="bin(ago(1d), 1d)", closed=True, until=None))
FIXED = Scope(COLUMNS, Edges(after="datetime(2026-03-01) - 1d", closed=False,
                             until="datetime(2026-03-01)"))  # fmt: skip
EVER = Scope(COLUMNS, Edges(after=None, closed=False, until=None))
TIME, TOKENS, MODEL = Column("ts_us"), Column("output_tokens"), Column("model")


def said(one: Expression, scope: Scope = NOW) -> str | bool:
    found = condition(one, scope)
    return found.text if isinstance(found, Said) else found


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (Known("account_id"), "isnotempty(AccountId)"),
        (Known("account_id", negated=True), "isempty(AccountId)"),
        (Known("output_tokens"), "isnotnull(OutputTokens)"),
        (Known("source_ip"), True),
        (Member("model", ("a", 'b"c')), r'Model in ("a", "b\"c")'),
        (Member("model", ("a", "b"), negated=True), 'Model !in ("", "a", "b")'),
        (Member("source_ip", ("a",), negated=True), 'SourceIP !in ("a")'),
        (
            Member("output_tokens", (1, 2), negated=True),
            "isnotnull(OutputTokens) and OutputTokens !in (1, 2)",
        ),
        (Member("n", (1,), negated=True), "N !in (1)"),
        (Member("model", (), negated=True), "isnotempty(Model)"),
        (Prefix("model", "m-"), 'Model startswith_cs "m-"'),
        (Compare(TOKENS, ">", Constant(3)), "OutputTokens > 3"),
        (Compare(MODEL, "=", Constant("a")), 'Model == "a"'),
        (Compare(MODEL, "=", Column("account_id")), "isnotempty(Model) and Model == AccountId"),
        (Compare(MODEL, "<>", Constant("a")), 'isnotempty(Model) and Model != "a"'),
        (Compare(TOKENS, "<>", Column("n")), "isnotnull(OutputTokens) and OutputTokens != N"),
    ],
)
def test_conditions_are_never_true_of_an_unknown(one: Expression, text: str | bool) -> None:
    assert said(one) == text


@pytest.mark.parametrize("missing", [
    Known("status"), Member("status", (200,)), Prefix("status", "2"),
    Compare(Column("status"), "<", Constant(400)), Member("model", ()),
    Member("status", (200,), negated=True),
])  # fmt: skip
def test_a_column_that_is_not_there_is_unknown(missing: Expression) -> None:
    assert said(missing) is False
    assert said(AnyOf((Known("model"), missing))) == "isnotempty(Model)"
    assert said(AllOf((Known("model"), missing))) is False


def test_choices_inside_of_conditions_stand_in_brackets() -> None:
    either = AnyOf((Known("model"), Known("account_id")))
    assert said(AllOf((either, Known("output_tokens")))) == (
        "(isnotempty(Model) or isnotempty(AccountId)) and isnotnull(OutputTokens)"
    )
    assert said(AnyOf((AllOf((either, Known("model"))), Prefix("model", "or ")))) == (
        "((isnotempty(Model) or isnotempty(AccountId)) and isnotempty(Model))"
        ' or Model startswith_cs "or "'
    )


def test_a_long_choice_never_breaks_inside_of_a_text() -> None:
    one = AnyOf(tuple(Prefix("model", f"{k} or {'x' * 40}") for k in range(3)))
    lines = str(said(one)).split("\n")
    assert [line.count('"') for line in lines] == [2, 2, 2]


@pytest.mark.parametrize(
    ("sign", "edge", "scope", "text"),
    [
        (">", Edge("from"), NOW, "TimeGenerated > ago(1d)"),
        (">", Edge("from", -60_000_000), NOW, "TimeGenerated > ago(1d) - 1m"),
        (">", Edge("from"), BINS, "TimeGenerated >= bin(ago(1d), 1d)"),
        (">", Edge("from"), EVER, True),
        ("<=", Edge("until"), NOW, True),
        ("<=", Edge("until"), FIXED, "TimeGenerated <= datetime(2026-03-01)"),
        (">", Edge("until", -3_600_000_000), NOW, "TimeGenerated > ago(1h)"),
        ("<=", Edge("until", -1_000_000), FIXED, "TimeGenerated <= datetime(2026-03-01) - 1s"),
    ],
)
def test_the_period_is_now_or_as_told(
    sign: str, edge: Edge, scope: Scope, text: str | bool
) -> None:
    assert said(Compare(TIME, sign, edge), scope) == text  # type: ignore[arg-type]  # a sign


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (Minus(TIME, Column("previous_ts_us")),
         'datetime_diff("microsecond", TimeGenerated, PreviousTimeGenerated)'),
        (Minus(TOKENS, Column("n")), "(OutputTokens - N)"),
        (Ratio(Column("n"), Constant(5)), "1.0 * N / 5"),
        (Ratio(Column("n"), TOKENS), "iff(OutputTokens != 0, 1.0 * N / OutputTokens, real(null))"),
        (Ratio(Column("n"), Constant(0)), "iff((0) != 0, 1.0 * N / (0), real(null))"),
        (Ratio(Minus(Column("n"), TOKENS), Ratio(Column("n"), Constant(5))),
         "iff((1.0 * N / 5) != 0, 1.0 * (N - OutputTokens) / (1.0 * N / 5), real(null))"),
        (Largest((Ratio(Column("n"), Constant(5)), Ratio(TOKENS, Constant(2)))),
         "max_of(1.0 * N / 5, coalesce(1.0 * OutputTokens / 2, 0.0))"),
        (First(("account_id", "model")), "coalesce(AccountId, Model)"),
        (First(("status", "model")), "Model"),
        (Cases(((Compare(TOKENS, ">", Constant(9)), Constant(5)),), Constant(4)),
         "iff(OutputTokens > 9, 5, 4)"),
        (Cases(((Known("model"), Constant(1)), (Known("account_id"), Constant(2.5))), None),
         "case(isnotempty(Model), 1.0 * 1, isnotempty(AccountId), 2.5, real(null))"),
        (Cases(((Member("status", (1,)), Constant(5)),), Constant(4)), "4"),
        (Constant(1e-9), "real(1e-09)"),
    ],
)  # fmt: skip
def test_values(one: Expression, text: str) -> None:
    assert written(one, NOW).text == text


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (Aggregate("count"), "count()"),
        (Aggregate("count", where=Known("model")), "countif(isnotempty(Model))"),
        (Aggregate("count", where=Known("status")), "countif(false)"),
        (Aggregate("sum", TOKENS),
         "iff(countif(isnotnull(OutputTokens)) > 0, sum(OutputTokens), long(null))"),
        (Aggregate("sum", Column("n")), "sum(N)"),
        (Aggregate("mean", TOKENS, Known("model")),
         "iff(countif(isnotnull(OutputTokens) and isnotempty(Model)) > 0,"
         " avgif(OutputTokens, isnotempty(Model)), real(null))"),
        (Aggregate("min", TIME), "min(TimeGenerated)"),
        (Aggregate("max", TIME, Known("model")), "maxif(TimeGenerated, isnotempty(Model))"),
    ],
)  # fmt: skip
def test_a_sum_of_nothing_is_unknown_and_a_count_is_0(one: Aggregate, text: str) -> None:
    found = aggregate(one, NOW)
    assert found is not None
    assert found.text == text


def test_a_sum_over_no_row_at_all_is_left_to_be_unknown() -> None:
    assert aggregate(Aggregate("sum", TOKENS, Known("status")), NOW) is None


def test_bins_that_begin_elsewhere_in_kusto_are_refused() -> None:
    assert written(Bin("ts_us", 3_600_000_000), NOW).text == "bin(TimeGenerated, 1h)"
    with pytest.raises(ExportError, match="no bins of 25200 s"):
        written(Bin("ts_us", 7 * 3_600_000_000), NOW)
