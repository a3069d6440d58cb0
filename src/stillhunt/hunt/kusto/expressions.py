"""Expressions of a plan as KQL, where text that is not known is empty and null differs from all.

What SQL does by itself has to be said here: ``<>`` is not true of an unknown, a sum of nothing
is unknown, and a quotient of two whole numbers has a fraction.
Source: Kusto documentation, null values; logical, string and numerical operators.
"""

from stillhunt.hunt.kusto.literals import Kind, duration, null, quoted
from stillhunt.hunt.kusto.scope import Said, Scope, Word, Written, together
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
    Smallest,
    SourcePrefix,
)
from stillhunt.model.errors import ExportError

__all__ = ["aggregate", "bin_text", "condition", "written"]

DAY_US = 86_400_000_000
SIGNS = {"=": "==", "<>": "!="}


def condition(one: Expression, scope: Scope) -> Said | bool:  # noqa: PLR0911 - one for each kind
    """Return *one* as KQL, or whether it is always or never true."""
    match one:
        case AllOf(terms) | AnyOf(terms):
            return _joined(one, terms, scope)
        case Known(name, negated):
            if name not in scope.columns:
                return negated
            column = scope.column(name)
            word = ("isempty" if negated else "isnotempty") if column.kind == "text" else (
                "isnull" if negated else "isnotnull"
            )  # fmt: skip
            return not negated if column.known else Said(f"{word}({column.text})")
        case Member():
            return _member(one, scope)
        case Prefix(name, start):
            if name not in scope.columns:
                return False
            return Said(f"{scope.column(name).text} startswith_cs {quoted(start)}")
        case Compare(left, sign, right):
            return _compared(left, sign, right, scope)
        case _:
            raise TypeError(f"{one} is no condition")


def _member(one: Member, scope: Scope) -> Said | bool:
    if one.name not in scope.columns:
        return False
    if not one.values:
        return condition(Known(one.name), scope) if one.negated else False
    column = scope.column(one.name)
    values = [_constant(value).text for value in one.values]
    if not one.negated:
        return Said(f"{column.text} in ({', '.join(values)})")
    if column.known:
        return Said(f"{column.text} !in ({', '.join(values)})")
    if column.kind == "text":  # an unknown text is empty
        return Said(f"{column.text} !in ({', '.join([null('text'), *values])})")
    test = Said(f"{column.text} !in ({', '.join(values)})")
    return together([Said(f"isnotnull({column.text})"), test], "and")


def _joined(one: AllOf | AnyOf, terms: tuple[Expression, ...], scope: Scope) -> Said | bool:
    is_all = isinstance(one, AllOf)
    word: Word = "and" if is_all else "or"
    found: list[Said] = []
    for term in terms:
        match condition(term, scope):
            case Said() as said:
                found.append(said)
            case bool(told) if told != is_all:
                return told
    return together(found, word) if found else is_all


def _compared(left: Expression, sign: str, right: Expression, scope: Scope) -> Said | bool:
    if isinstance(right, Edge):
        return _bounded(left, sign, right, scope)
    try:
        a, b = written(left, scope), written(right, scope)
    except KeyError:
        return False  # of an unknown nothing is true
    test = Said(f"{a.text} {SIGNS.get(sign, sign)} {b.text}")
    # Two empty texts are equal there, and null differs from everything.
    unsure = [one for one in (a, b) if not one.known]
    if sign == "=":
        unsure = unsure[:1] if a.kind == "text" and len(unsure) > 1 else []
    elif sign != "<>":
        unsure = []
    word = "isnotempty" if a.kind == "text" else "isnotnull"
    return together([*(Said(f"{word}({one.text})") for one in unsure), test], "and")


def _bounded(left: Expression, sign: str, edge: Edge, scope: Scope) -> Said | bool:
    time = written(left, scope).text
    if edge.end == "from":
        if scope.edges.after is None:
            return True
        sign = ">=" if scope.edges.closed and sign == ">" else sign
        return Said(f"{time} {sign} {_shifted(scope.edges.after, edge.shift_us)}")
    if scope.edges.until is None and sign == "<=" and not edge.shift_us:
        return True
    return Said(f"{time} {sign} {_shifted(scope.edges.until or 'now()', edge.shift_us)}")


def _shifted(moment: str, shift_us: int) -> str:
    if not shift_us:
        return moment
    if moment == "now()" and shift_us < 0:
        return f"ago({duration(-shift_us)})"
    return f"{moment} {'-' if shift_us < 0 else '+'} {duration(abs(shift_us))}"


def written(one: Expression, scope: Scope) -> Written:  # noqa: PLR0911 - one for each kind
    """Return the value *one* as KQL.

    Raises:
        KeyError: It needs a column that the table does not have.
    """
    match one:
        case Column(name):
            return scope.column(name)
        case Constant(value):
            return _constant(value)
        case Bin(name, width):
            return Written(bin_text(scope.column(name).text, width), "time", True)
        case SourcePrefix(name):
            return _prefix(scope.column(name))
        case First(names):
            return _first(names, scope)
        case Minus(left, right):
            return _minus(written(left, scope), written(right, scope))
        case Ratio(left, right):
            return _ratio(written(left, scope), right, scope)
        case Largest(of):
            return _extreme("max_of", of, scope)
        case Smallest(of):
            return _extreme("min_of", of, scope)
        case Cases(of, otherwise):
            return _cases(of, otherwise, scope)
        case _:
            said = condition(one, scope)
            text = said.text if isinstance(said, Said) else str(said).lower()
            return Written(text, "bool", True)


def bin_text(time: str, width_us: int) -> str:
    """Return the begin of the bin that *time* lies in.

    Raises:
        ExportError: Bins so wide begin elsewhere in Kusto, which counts them from the year 1.
    """
    if DAY_US % width_us:
        raise ExportError(f"no bins of {width_us / 1e6:g} s, only such as make up a whole day")
    return f"bin({time}, {duration(width_us)})"


def _constant(value: float | str) -> Written:
    if isinstance(value, str):
        return Written(quoted(value), "text", True)
    if isinstance(value, int):
        return Written(str(value), "long", True)
    text = repr(value)
    return Written(f"real({text})" if "e" in text else text, "real", True)


def _first(names: tuple[str, ...], scope: Scope) -> Written:
    found = [scope.column(name) for name in names if name in scope.columns]
    if not found:
        raise KeyError(names[0])
    if len(found) == 1:
        return found[0]
    known = any(one.known for one in found)
    return Written(f"coalesce({', '.join(one.text for one in found)})", found[0].kind, known)


def _prefix(column: Written) -> Written:
    """Return the /24 or /48 of an address in its shortest form, as the hunt's SQL does."""
    name = column.text
    six = rf'strcat(extract(@"^[^:.]+(:[^:.]+)?(:[1-9a-f][^:.]*)?", 0, {name}), "::/48")'
    four = rf'strcat(extract(@"^[0-9]+[.][0-9]+[.][0-9]+", 0, {name}), ".0/24")'
    text = f'case({name} contains_cs ":", {six},\n        {name} contains_cs ".", {four}, {name})'
    return Written(text, "text", column.known)


def _minus(left: Written, right: Written) -> Written:
    known = left.known and right.known
    if left.kind == "time":
        return Written(f'datetime_diff("microsecond", {left.text}, {right.text})', "long", known)
    kind: Kind = "real" if "real" in (left.kind, right.kind) else "long"
    return Written(f"({left.text} - {right.text})", kind, known)


def _ratio(left: Written, right: Expression, scope: Scope) -> Written:
    divisor = written(right, scope)
    part = left.text if left.kind == "real" else f"1.0 * {left.text}"
    if isinstance(right, Constant) and right.value:
        return Written(f"{part} / {divisor.text}", "real", left.known)
    by = divisor.text if isinstance(right, Column) else f"({divisor.text})"
    text = f"iff({by} != 0, {part} / {by}, real(null))"
    return Written(text, "real")


def _extreme(function: str, of: tuple[Expression, ...], scope: Scope) -> Written:
    parts = [written(one, scope) for one in of]
    zero = "0.0" if any(one.kind == "real" for one in parts) else "0"
    sure = [one.text if one.known else f"coalesce({one.text}, {zero})" for one in parts]
    kind: Kind = "real" if zero == "0.0" else "long"
    text = sure[0] if len(sure) == 1 else f"{function}({', '.join(sure)})"
    return Written(text, kind, True)


def _cases(
    of: tuple[tuple[Expression, Expression], ...], otherwise: Expression | None, scope: Scope
) -> Written:
    values = [written(value, scope) for _, value in of]
    last = None if otherwise is None else written(otherwise, scope)
    kinds = {one.kind for one in (*values, *([last] if last else []))}
    kind: Kind = "real" if kinds == {"real", "long"} else kinds.pop() if kinds else "long"

    def same(one: Written) -> str:
        return f"1.0 * {one.text}" if one.kind != kind else one.text

    end = null(kind) if last is None else same(last)
    known = all(one.known for one in values) and last is not None and last.known
    terms: list[str] = []
    for (test, _), value in zip(of, values, strict=True):
        said = condition(test, scope)
        if said is True:
            end = same(value)
            break
        if isinstance(said, Said):
            terms += [said.text, same(value)]
    if not terms:
        return Written(end, kind, known)
    function = "iff" if len(terms) == 2 else "case"  # noqa: PLR2004 - a test and a value
    return Written(f"{function}({', '.join(terms)}, {end})", kind, known)


def aggregate(one: Aggregate, scope: Scope) -> Written | None:
    """Return an aggregate as KQL; over nothing that is known it is unknown, but for counts.

    None means that it is unknown for every group, because no row can count.

    Raises:
        KeyError: It needs a column that the table does not have.
    """
    where = True if one.where is None else condition(one.where, scope)
    if one.kind == "count":
        return _count(where)
    assert one.of is not None  # noqa: S101 - only a count has none
    of = written(one.of, scope)
    if where is False:
        return None
    name = {"mean": "avg"}.get(one.kind, one.kind)
    bare = f"{name}({of.text})" if where is True else f"{name}if({of.text}, {where.text})"
    if one.kind in ("min", "max"):
        return Written(bare, of.kind, of.known and where is True)
    kind: Kind = "real" if one.kind == "mean" else of.kind
    if of.known and where is True:
        return Written(bare, kind, True)
    tests = [] if of.known else [Said(f"isnotnull({of.text})")]
    test = together([*tests, *([where] if where is not True else [])], "and").text
    whole = f"tolong({bare})" if kind == "long" and of.known else bare  # of counts, a plain long
    return Written(f"iff(countif({test}) > 0, {whole}, {null(kind)})", kind)


def _count(where: Said | bool) -> Written:
    if where is True:
        return Written("count()", "long", True)
    return Written(f"countif({where.text if isinstance(where, Said) else 'false'})", "long", True)
