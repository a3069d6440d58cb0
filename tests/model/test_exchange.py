"""The exchange's columns are one table with several faces."""

from stillhunt.model.exchange import COLUMNS, HOT, TEXT, column, json_schema


def test_names_are_unique_and_hot_and_text_share_none() -> None:
    names = [c.name for c in COLUMNS]
    assert len(set(names)) == len(names)
    assert set(HOT) | set(TEXT) == set(names)
    assert not set(HOT) & set(TEXT)


def test_no_text_is_in_the_hot_lake() -> None:
    assert {"prompt", "system_prompt", "output"} == set(TEXT)


def test_the_json_schema_bounds_whole_numbers_by_their_width() -> None:
    schema = json_schema()
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert properties["status"]["maximum"] == 32_767
    assert properties["ts_us"]["minimum"] == -(2**63)
    assert properties["temperature"]["type"] == ["number", "null"]
    assert schema["anyOf"] == [{"required": ["ts_us"]}, {"required": ["ts"]}]


def test_a_column_is_found_by_name() -> None:
    assert column("output_tokens").unit == "tokens"
