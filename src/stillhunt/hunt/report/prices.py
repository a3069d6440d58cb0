"""What exchanges cost at list prices, as SQL.

Caches, batches and discounts are left out: the figure says what was taken at the operator's
own price list, not what it cost.
"""

from stillhunt.hunt.report.conditions import literal
from stillhunt.hunt.settings import Prices

__all__ = ["assumed_sql", "cost_sql"]


def cost_sql(prices: Prices, only: str = "TRUE") -> str:
    """Return the SQL of what exchanges cost at list prices [currency], an aggregate."""
    sides = ((f"{side}_tokens", _price(prices, side)) for side in ("input", "output"))
    if not prices.models:  # one price: add up the integers first, which is quicker
        terms = [f"COALESCE(SUM({tokens}), 0) * {price}" for tokens, price in sides]
    else:
        terms = [
            f"COALESCE(SUM({tokens} * {price}) FILTER (WHERE {only}), 0)"
            for tokens, price in sides
        ]
    return f"CAST({' + '.join(terms)} AS DOUBLE) / 1e6"


def assumed_sql(prices: Prices) -> str:
    """Return the SQL of the part of the cost that rests on the default price."""
    if not prices.models:
        return cost_sql(prices)
    known = ", ".join(map(literal, prices.models))
    return cost_sql(prices, f"model IS NULL OR model NOT IN ({known})")


def _price(prices: Prices, side: str) -> str:
    default = repr(float(getattr(prices.default, side)))
    cases = " ".join(
        f"WHEN {literal(model)} THEN {float(getattr(price, side))!r}"
        for model, price in prices.models.items()
    )
    return f"CASE model {cases} ELSE {default} END" if cases else default
