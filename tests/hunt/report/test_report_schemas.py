"""Schemas are found by name."""

import json

import pytest

from stillhunt.hunt.report.schemas import SCHEMAS, schema
from stillhunt.model.errors import ConfigError


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_is_json_and_says_its_name_and_draft(name: str) -> None:
    made = json.loads(json.dumps(schema(name)))
    assert made["title"] == f"stillhunt.{name}/1"
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_an_unknown_schema_is_named_with_its_neighbours() -> None:
    with pytest.raises(ConfigError, match=r"'findings'.*did you mean finding"):
        schema("findings")
