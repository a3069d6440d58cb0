import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhunt.hunt.yaml_text import Block, yaml_text
from stillhunt.model.errors import ExportError

yaml = pytest.importorskip("yaml", reason="pyyaml is not installed (dependency group engines)")

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NODES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, NODES, max_size=4))
def test_whatever_is_written_reads_the_same(node: dict[str, object]) -> None:
    assert (yaml.safe_load(yaml_text(node)) or {}) == node  # type: ignore[arg-type]  # is a node


def test_a_block_keeps_its_lines() -> None:
    query = "a\n| where x == \"# no: comment\"\n    and y == '- no list'"
    assert yaml.safe_load(yaml_text({"query": Block(query), "n": 1}))["query"] == query


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ExportError, match=r"\\ud800"):
        yaml_text({"a": "\ud800"})
