"""Who lives in a population: the mix of honest kinds, by share of accounts.

Nobody publishes such shares; these are guesses, made so that every kind that looks like a
campaign is there in numbers: a rate of false accusations of 0.1 % can then be seen by kind.
"""

from stillhunt.lab.crowd import Actor
from stillhunt.lab.moments import release_us
from stillhunt.lab.people import People
from stillhunt.lab.pipelines import Pipelines
from stillhunt.registry import parts

__all__ = ["MIX", "PIPELINES", "honest"]

PIPELINES = 0.03  # share of honest accounts that are batch programs, with most of the tokens
MIX = {
    "rag": 0.05,
    "classrooms": 0.04,
    "offices": 0.04,
    "learning": 0.03,
    "vpn": 0.025,
    "bots": 0.02,
    "dynamic": 0.02,
    "judges": 0.02,
    "releases": 0.02,
    "suites": 0.02,
    "agencies": 0.015,
    "audits": 0.015,
    "hackathons": 0.015,
    "saas": 0.015,
    "handover": 0.01,
    "migrations": 0.01,
    "redteams": 0.006,
    "synthetic": 0.005,
}
"""Share of honest accounts of each part of ``lab/honest``; the rest are people."""
LEAST_PER_DAY = 60.0  # of a pipeline, whatever is left for it


def honest(
    count: int,
    *,
    seed: int,
    days: int,
    start_us: int,
    people_per_day: float,
    exchanges: float,
    pace: float = 1.0,
    brief: bool = False,
) -> tuple[Actor, ...]:
    """Return the honest actors of a population.

    Args:
        count: Honest accounts in all; a kind whose share is less than half of one is left out.
        seed: Where chance comes from.
        days: Length of the period.
        start_us: First moment [us since epoch].
        people_per_day: Mean requests of a person on a working day.
        exchanges: Requests of all in all; pipelines send what the others leave.
        pace: How much the kinds of ``MIX`` send, relative to what is usual for them.
        brief: Short texts and no answers.
    """
    kinds = parts("stillhunt.lab.honest")
    counts = {name: round(count * share) for name, share in MIX.items()}
    actors: list[Actor] = []
    left = exchanges
    for name, some in counts.items():
        if not some:
            continue
        usual = kinds[name].per_day
        actor = kinds[name](
            count=some, seed=seed, days=days, start_us=start_us, per_day=usual * pace, brief=brief
        )
        actors.append(actor)
        left -= usual * pace * some * days
    programs = max(1, round(count * PIPELINES))
    people = count - programs - sum(counts.values())
    left -= people_per_day * people * days
    per_day = max(LEAST_PER_DAY, left / (programs * days))
    return (
        People(
            count=people, seed=seed, per_day=people_per_day, brief=brief,
            release=release_us(start_us, days),
        ),
        Pipelines(count=programs, seed=seed, per_day=per_day, brief=brief),
        *actors,
    )  # fmt: skip
