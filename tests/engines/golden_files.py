"""What is written down of every rule and detector, and how to write it anew: ``./dev golden``.

``tests/golden/sql/NAME.DIALECT.sql`` is the query with its default parameters; the period of a
look-back ends with 1970-01-01. ``tests/golden/answers/NAME.json`` is what DuckDB answers over
the population. ``tests/golden/mistakes/NAME.tsv`` lists mistakes in the query and who sees them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine_kit import Duck, plain
from killers import all_seen
from population import DAY, accounts, population
from queries import NAMES, of, query

from stillhunt.hunt.portable.dialects import EXECUTED, NOT_EXECUTED, Dialect, written

__all__ = [
    "DIALECTS",
    "answers_path",
    "found",
    "read_answers",
    "read_mistakes",
    "sql_path",
    "sql_text",
]

FOLDER = Path(__file__).parents[1] / "golden"
DIALECTS: tuple[Dialect, ...] = (*EXECUTED, *NOT_EXECUTED)
Answers = dict[str, list[dict[str, Any]]]


def sql_path(name: str, dialect: Dialect) -> Path:
    """Return where the query stands."""
    return FOLDER / "sql" / f"{name}.{dialect}.sql"


def sql_text(name: str, dialect: Dialect) -> str:
    """Return the query with its default parameters, as a file."""
    return written(query(name, {}, DAY), dialect) + "\n"


def answers_path(name: str) -> Path:
    """Return where the answers stand."""
    return FOLDER / "answers" / f"{name}.json"


def read_answers(name: str) -> Answers:
    """Return the answers that stand there, by query."""
    answers: Answers = json.loads(answers_path(name).read_text(encoding="utf-8"))
    return answers


def mistakes_path(name: str) -> Path:
    """Return where the list of mistakes stands."""
    return FOLDER / "mistakes" / f"{name}.tsv"


def read_mistakes(name: str) -> dict[str, str]:
    """Return who sees each mistake, as it stands there."""
    lines = mistakes_path(name).read_text(encoding="utf-8").splitlines()
    return {label: by for label, _, by in (line.partition("\t") for line in lines)}


def found(name: str) -> Answers:
    """Return what DuckDB answers now, by query, sorted."""
    duck = Duck()
    duck.load({"exchanges": population(), "directory": accounts()})
    answers = {}
    for one, sql in of(name):
        rows = [{key: plain(value) for key, value in row.items()} for row in duck.run(sql)]
        answers[one] = sorted(rows, key=json.dumps)
    return answers


def _files() -> Iterator[tuple[Path, str]]:
    for name in NAMES:
        yield from ((sql_path(name, dialect), sql_text(name, dialect)) for dialect in DIALECTS)
        answers = found(name)
        lines = ",\n".join(
            f"{json.dumps(one)}: [\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
            for one, rows in answers.items()
        )
        yield answers_path(name), "{\n" + lines + "\n}\n"
        listed = "".join(f"{label}\t{by}\n" for label, by in all_seen(name, answers))
        yield mistakes_path(name), listed


def main() -> None:
    """Write everything anew; what no rule has any more goes."""
    files = dict(_files())
    for old in {
        *FOLDER.glob("sql/*.sql"),
        *FOLDER.glob("answers/*.json"),
        *FOLDER.glob("mistakes/*"),
    } - set(files):
        old.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(files)} files in {FOLDER}")


if __name__ == "__main__":
    main()
