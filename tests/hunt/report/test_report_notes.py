"""Each rule and detector says what it is and who looks like it."""

from stillhunt.hunt.report.notes import notes


def test_every_hunt_names_its_honest_look_alikes_and_its_cost() -> None:
    told = notes()
    assert {"volume", "burst", "heavy_output", "repetition", "cadence"} <= set(told)
    for name, note in told.items():
        assert note.title, name
        assert not note.title.endswith("."), name
        assert note.evasion, name
    assert "batch pipelines" in told["repetition"].look_alikes.lower()
    assert "Cost to evade" not in told["repetition"].look_alikes
    assert "\n" not in told["volume"].look_alikes
