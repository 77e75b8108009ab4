"""The list of help lines: ours, and one of the operator's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from insight_journey import help_lines
from insight_journey.errors import Invalid

OWN: dict[str, Any] = {
    "international": [{"name": "World", "url": "https://example.org", "source": "https://example.org"}],
    "countries": {"DE": [{"name": "Dorf", "phone": "1", "source": "https://example.org"}]},
}


def test_it_works() -> None:
    lines = help_lines.load()
    assert len(lines.countries) >= 25 and set(lines.countries) <= help_lines.countries()
    assert [line.phone for line in lines.of("US")][0] == "988"
    assert lines.of("GB")[-len(lines.international) :] == lines.international


def test_each_line_names_its_source() -> None:
    lines = help_lines.load()
    every = [line for group in (*lines.countries.values(), lines.international) for line in group]
    assert not [line for line in every if not line.source.startswith("https://")]
    assert not [line for group in lines.countries.values() for line in group if not line.languages]


@pytest.mark.parametrize("country", [None, "", "AQ"])
def test_an_unknown_country_has_the_international_lines(country: str | None) -> None:
    lines = help_lines.load()
    assert lines.of(country) == lines.international != ()


def test_an_own_list_stands_in_for_ours(tmp_path: Path) -> None:
    path = tmp_path / "lines.json"
    path.write_text(json.dumps(OWN))
    lines = help_lines.load(path)
    assert [line.name for line in lines.of("DE")] == ["Dorf", "World"]
    assert [line.name for line in lines.of("US")] == ["World"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"{", "not JSON"),
        (b"[]", "HelpLines"),
        (json.dumps({**OWN, "international": []}).encode(), "international"),
        (json.dumps({**OWN, "countries": {"Germany": OWN["international"]}}).encode(), "countries.Germany"),
        (json.dumps({**OWN, "international": [{"name": "World", "source": "x"}]}).encode(), "phone, text and url"),
        (json.dumps({**OWN, "lines": []}).encode(), "lines"),
    ],
)
def test_a_bad_list_is_told_in_a_sentence(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "lines.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Invalid, match="IJ_HELP_LINES names no usable list of help lines") as told:
        help_lines.load(path)
    assert said in str(told.value) and told.value.code == "bad_settings"
