"""From rows to findings: run a detector, and say when its episodes began.

Rules are asked in ``rule_claims``.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from stillhunt.hunt.question import Moment, Question, Row, finding_of, in_order, rows_of
from stillhunt.hunt.rule_claims import ask_rule
from stillhunt.hunt.rule_sql import render
from stillhunt.model.finding import Finding, Value

__all__ = ["Detector", "Moment", "Question", "ask_detector", "ask_rule", "detector_sql"]


class Detector(Protocol):
    """What a part in ``hunt/detectors`` has to offer; it is a dataclass of its parameters.

    It may also declare ``uses`` and ``either`` (as a rule does) and ``subject``, the columns
    of its rows that name whom it is about. Without ``subject`` the rows have a column of that
    name, and maybe ``peer``, that hold accounts.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the columns without which there is no answer."""
        ...

    @property
    def family(self) -> str:
        """Return the evidence family."""
        ...

    @property
    def query(self) -> str:
        """Return the query in the portable subset, with its parameters as ``:name``."""
        ...


def detector_sql(detector: Detector) -> str:
    """Return a detector's query with its parameters written in."""
    return render(detector.query, dataclasses.asdict(cast("Any", detector)))


def ask_detector(name: str, detector: Detector) -> Question:
    """Return *detector* as a question.

    Its episode is the whole period swept, so it begins with the first exchange.
    """
    sql = detector_sql(detector)
    return Question(
        name=name,
        kind="detector",
        family=detector.family,
        needs=tuple(detector.needs),
        either=tuple(getattr(detector, "either", ())),
        uses=tuple(getattr(detector, "uses", ())),
        find=lambda moment: sorted(_claims(name, detector, sql, moment), key=in_order),
        sql=lambda _: sql,
    )


def _claims(name: str, detector: Detector, sql: str, moment: Moment) -> Iterator[Finding]:
    """Yield what *detector* finds; its episodes begin where the lake's history says."""
    began: dict[str, int] = {}
    if moment.history is not moment.con:
        for row in rows_of(moment.history, sql):
            began[_subject_text(_subject(detector, row))] = int(row["first_seen"])
    for row in rows_of(moment.con, sql):
        subject = _subject(detector, row)
        begin = began.get(_subject_text(subject), int(row["first_seen"]))
        yield _claim(name, detector, subject, row, begin)


def _subject(detector: Detector, row: Row) -> dict[str, Value]:
    """Take the subject out of *row*."""
    declared: Sequence[str] | None = getattr(detector, "subject", None)
    if declared is None:
        return {"account_id": row.pop("subject")}
    return {column: row.pop(column) for column in declared}


def _subject_text(subject: Mapping[str, Value]) -> str:
    return json.dumps(dict(subject), sort_keys=True)


def _claim(
    name: str, detector: Detector, subject: Mapping[str, Value], row: Row, began_us: int
) -> Finding:
    """Turn one row into a finding; a ``peer`` column names another account."""
    peer = row.pop("peer", None)
    return finding_of(
        name,
        detector.family,
        subject,
        row,
        began_us=began_us,
        peer=None if peer is None else {"account_id": peer},
    )
