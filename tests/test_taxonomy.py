import copy
from typing import Any

import pytest

from insight_journey import taxonomy
from insight_journey.errors import Invalid

SMALL: dict[str, Any] = {
    "name": "topics", "version": "2", "source": "ours", "levels": 2, "replaces": {"1": {"old": "work.pay"}},
    "categories": [
        {"code": "work", "name": "Work", "parent": None, "level": 1},
        {"code": "work.pay", "name": "Pay", "parent": "work", "level": 2, "seeds": ["my salary"]},
    ],
}  # fmt: skip


def faults(**changes: Any) -> list[str]:
    with pytest.raises(Invalid) as caught:
        taxonomy.parse({**copy.deepcopy(SMALL), **changes})
    assert caught.value.code == "bad_taxonomy"
    return list(caught.value.details["faults"])


def with_category(**fields: Any) -> list[dict[str, Any]]:
    return [*SMALL["categories"], {"code": "x", "name": "X", "parent": None, "level": 1, **fields}]


@pytest.mark.parametrize("name", taxonomy.NAMES)
def test_it_works(name: taxonomy.Name) -> None:
    loaded = taxonomy.load(name)
    assert loaded.name == name and loaded.version and loaded.source
    assert len(set(loaded.codes)) == len(loaded.codes) and set(loaded.leaves) <= set(loaded.codes)
    assert taxonomy.load(name) is loaded
    for code in loaded.codes:
        above = loaded.ancestors(code)
        assert len(above) == loaded.get(code).level - 1
        assert all(parent.level == level for parent, level in zip(reversed(above), range(1, 9), strict=False))


def test_emotions_stand_on_the_published_model() -> None:
    emotions = taxonomy.load("emotions")
    assert "Parrott" in emotions.source and "Shaver" in emotions.source
    assert [c for c in emotions.codes if emotions.get(c).level == 1] == ["love", "joy", "surprise", "anger", "sadness", "fear"]
    assert [c.code for c in emotions.ancestors("fear.nervousness.anxiety")] == ["fear.nervousness", "fear"]
    assert all(emotions.get(code).group in taxonomy.GROUPS for code in emotions.codes)
    assert {emotions.get(code).group for code in emotions.codes} == set(taxonomy.GROUPS)
    assert all(emotions.get(code).reason for code in emotions.codes if emotions.get(code).added)


COMMON = """overwhelm stress exhaustion loneliness hopelessness stuck numbness gratitude relief calm curiosity hope pride guilt shame
jealousy"""


@pytest.mark.parametrize("feeling", COMMON.split())
def test_common_feelings_have_a_place(feeling: str) -> None:
    assert any(code.split(".")[-1] == feeling for code in taxonomy.load("emotions").leaves)


def test_topics_are_domains_with_seeds_and_cues() -> None:
    topics = taxonomy.load("topics")
    domains = [code for code in topics.codes if topics.get(code).level == 1]
    assert 8 <= len(domains) <= 10 and 35 <= len(topics.leaves) <= 60
    assert all(3 <= len(topics.get(code).seeds) <= 6 and topics.get(code).cues for code in topics.leaves)
    assert all(cue == cue.lower() for code in topics.leaves for cue in topics.get(code).cues)


def test_an_unknown_code_is_refused() -> None:
    topics = taxonomy.load("topics")
    assert topics.belongs("work.workload") and not topics.belongs("work.nothing") and not topics.belongs(None)
    with pytest.raises(Invalid) as caught:
        topics.get("work.nothing")
    assert caught.value.code == "unknown_category"


def test_a_code_of_an_earlier_version_leads_to_the_present_one() -> None:
    small = taxonomy.parse(SMALL)
    assert small.current("old", "1") == "work.pay"
    assert small.current("work", "1") == "work"
    with pytest.raises(Invalid):
        small.current("old", "2")


def test_children_inherit_the_group_of_their_parent() -> None:
    categories = [
        {"code": "fear", "name": "Fear", "parent": None, "level": 1, "ekman": "fear"},
        {"code": "fear.a", "name": "A", "parent": "fear", "level": 2},
    ]
    assert taxonomy.parse({**SMALL, "name": "emotions", "categories": categories, "replaces": {}}).get("fear.a").group == "fear"


def test_every_fault_of_a_file_is_named() -> None:
    assert faults(version="") == ["version is missing"]
    assert faults(categories=[]) == ["there are no categories"]
    assert faults(categories=with_category(name="")) == ["category 2 lacks name"]
    assert faults(categories=with_category(code="work")) == ["code work stands twice"]
    assert faults(categories=with_category(parent="gone", level=2, seeds=["s"])) == ["the parent of x does not exist"]
    assert faults(categories=with_category(parent="work", level=1)) == ["the level of x is not one below its parent's"]
    assert faults(categories=with_category(parent="work.pay", level=3, seeds=["s"])) == ["the level of x is outside 1..2"]
    assert faults(categories=with_category(parent="work", level=2)) == ["x has no seeds"]
    assert faults(categories=with_category(cues=[" "])) == ["x has an empty seed or cue"]
    assert faults(categories=with_category(ekman="bliss")) == ["x names an unknown group"]
    assert faults(categories=with_category(added=True)) == ["x was added without a reason"]
    assert faults(replaces={"1": {"work": "work.pay"}}) == ["replaced code work is in use again"]
    assert faults(replaces={"1": {"old": "gone"}}) == ["old is replaced by gone, which does not exist"]


def test_a_circle_is_refused() -> None:
    circle = [
        {"code": "a", "name": "A", "parent": "b", "level": 2, "seeds": ["s"]},
        {"code": "b", "name": "B", "parent": "a", "level": 2, "seeds": ["s"]},
    ]
    assert faults(categories=circle, replaces={}) == [f"the level of {code} is not one below its parent's" for code in "ab"]


def test_parents_come_before_children() -> None:
    turned = taxonomy.parse({**SMALL, "categories": SMALL["categories"][::-1]})
    assert turned.codes == ("work", "work.pay")
