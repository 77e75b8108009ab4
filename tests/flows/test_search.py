"""Search over HTTP, with the processes that work for it: what is found, by what, and what never is."""

from typing import Any

import pytest
import requests

from tests.stack import Person, Stack

STORY = {
    "2024-02-01T10:00:00Z": "My boss shouted at me before everybody. I was very angry.\n\nAt night I could not fall asleep.",
    "2024-05-10T10:00:00Z": "We went hiking in the mountains and I felt happy and free.\n\nI will call Xanthippe tomorrow.",
    "2025-01-15T10:00:00Z": "I'm not good enough. Every exam frightens me.\n\nThe oven broke, so we ordered pizza.",
}


@pytest.fixture(scope="module")
def reader(stack: Stack) -> Person:
    """Alice, with three sessions of different times. Whoever changes them is `alice`."""
    return with_story(stack.person("Alice"))


@pytest.fixture
def alice(alice: Person) -> Person:
    return with_story(alice)


def with_story(person: Person) -> Person:
    for day, text in STORY.items():
        person.write(text, occurred_at=day)
    return person


def search(person: Person, q: str, **query: Any) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = person.get("/search", q=q, **query)["results"]
    return results


def test_it_works(reader: Person) -> None:
    page = reader.get("/search", q="trouble with a superior at work")
    first = page["results"][0]
    assert "My boss shouted" in first["quote"]
    assert first["by"] == ["meaning"] and 0.25 < first["likeness"] <= 1 and first["score"] == 1
    assert first["occurred_at"] == "2024-02-01T10:00:00+00:00"
    assert page["by"] == ["meaning", "words"] and (page["words_only"], page["not_indexed"]) == (0, 0)
    assert [r["score"] for r in page["results"]] == sorted((r["score"] for r in page["results"]), reverse=True)


def test_moments_and_elements_are_found_with_their_words(reader: Person) -> None:
    moment = search(reader, "insomnia", kind="moment")[0]
    assert moment["quote"] == moment["text"] and "At night I could not fall asleep." in moment["quote"]
    assert (moment["id"], moment["element_id"]) == (None, None)
    belief = search(reader, "I am worth nothing", kind="belief")[0]
    there = next(e for e in reader.all("/elements", kind="belief") if e["id"] == belief["id"])
    same = ("element_id", "moment_id", "quote", "quote_start", "quote_end", "start", "end", "category")
    assert {name: belief[name] for name in same} == {name: there[name] for name in same}
    assert belief["text"] == there["wording"]


@pytest.mark.parametrize(("kind", "q"), [
    ("moment", "a walk in nature"), ("emotion", "rage"), ("topic", "my boss"), ("belief", "not worth much"),
    ("action_item", "phone Xanthippe"),
])  # fmt: skip
def test_a_kind_alone_is_found(reader: Person, kind: str, q: str) -> None:
    found = search(reader, q, kind=kind)
    assert {result["kind"] for result in found} == {kind}
    elements = [result["element_id"] for result in found if result["element_id"]]
    assert len(elements) == len(set(elements)), "each element once, by its best mention"


def test_a_rare_name_is_found_by_words(reader: Person) -> None:
    first = search(reader, "xanthippe", kind="moment")[0]
    assert "Xanthippe" in first["quote"] and "words" in first["by"]


def test_quoted_words_must_be_there_in_this_order(reader: Person) -> None:
    exact = [r for r in search(reader, '"could not fall asleep"') if "words" in r["by"]]
    assert exact and all("could not fall asleep" in r["quote"] for r in exact)
    assert not [r for r in search(reader, '"asleep fall not could"') if "words" in r["by"]]


def test_periods_are_those_of_elements(reader: Person) -> None:
    found = search(reader, "feelings about people, exams and nature", **{"from": "2024-05-01T00:00:00Z", "to": "2025-01-01T00:00:00Z"})
    assert {r["occurred_at"][:10] for r in found} == {"2024-05-10"}
    edge = {"from": "2024-05-10T10:00:00Z", "to": "2024-05-10T10:00:00Z"}
    assert search(reader, "hiking", **edge) == []


def test_pages_follow_each_other(reader: Person) -> None:
    whole = reader.get("/search", q="what I felt", page_size=200)
    pages = reader.all("/search", q="what I felt")
    singly = [reader.get("/search", q="what I felt", page=n, page_size=1)["results"] for n in range(1, whole["count"] + 1)]
    assert pages == whole["results"] == [row for page in singly for row in page]
    last = reader.get("/search", q="what I felt", page=whole["count"], page_size=1)
    assert last["next"] is None and last["previous"]


def test_nothing_to_do_with_it_is_not_found(reader: Person) -> None:
    assert reader.get("/search", q="quantum chromodynamics lattice gauge")["count"] == 0


def test_the_question_may_come_in_the_body(reader: Person) -> None:
    asked = {"q": "hiking in nature", "kind": "moment", "from": "2024-01-01T00:00:00Z"}
    page = reader.post("/search", asked, params={"page_size": 1})
    assert page["results"] == reader.get("/search", **asked, page_size=1)["results"]
    assert "hiking" not in (page["next"] or "")


@pytest.mark.parametrize("q", ["", "   ", "x" * 1001, None])
def test_a_question_that_can_not_be_asked(reader: Person, q: str | None) -> None:
    for answer in (reader.ask("GET", "/search", params={"q": q}), reader.ask("POST", "/search", json={"q": q})):
        assert answer.status_code == 422
        assert list(answer.json()["error"]["details"]) == ["q"]


@pytest.mark.parametrize("q", ["x" * 1000, "🙂🙂", "\x00", '"', '""""', "the of and", "' OR 1=1 --", "日本語のテキスト", "a " * 500])
def test_odd_questions_have_answers(reader: Person, q: str) -> None:
    assert reader.ask("POST", "/search", json={"q": q}).status_code == 200


def test_what_is_like_a_moment(alice: Person) -> None:
    angry = search(alice, "my boss shouted at me", kind="moment")[0]["moment_id"]
    found = alice.get(f"/moments/{angry}/similar")["results"]
    assert angry not in {r["moment_id"] for r in found} and {r["kind"] for r in found} <= {"moment"}
    alice.write("The head of our department yelled at me before all colleagues.")
    nearest = alice.get(f"/moments/{angry}/similar")["results"][0]
    assert "yelled" in nearest["quote"] and nearest["by"] == ["meaning"]
    emotions = alice.get(f"/moments/{angry}/similar", kind="emotion")["results"]
    assert {r["kind"] for r in emotions} <= {"emotion"} and angry not in {r["moment_id"] for r in emotions}


def test_strangers_find_nothing_of_hers(reader: Person, charlie: Person) -> None:
    charlie.write("My landlord is kind.")
    for question in ("boss", "Xanthippe", '"not good enough"', "hiking", *STORY.values()):
        for result in charlie.get("/search", q=question, page_size=200)["results"]:
            assert "landlord" in result["quote"]
    hers = search(reader, "boss", kind="moment")[0]["moment_id"]
    answer = charlie.ask("GET", f"/moments/{hers}/similar")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_deleted_session_is_gone_from_the_next_answer(alice: Person) -> None:
    first = search(alice, "xanthippe")[0]
    alice.ask("DELETE", f"/sessions/{first['session_id']}")
    assert first["session_id"] not in {r["session_id"] for r in search(alice, "xanthippe", page_size=200)}
    assert alice.ask("GET", f"/moments/{first['moment_id']}/similar").status_code == 404


def test_a_new_session_is_found_once_it_is_analyzed(alice: Person) -> None:
    assert not [r for r in search(alice, "Zebedee") if "words" in r["by"]]
    alice.write("Zebedee came to visit me.")
    assert "Zebedee" in search(alice, "Zebedee", kind="moment")[0]["quote"]


def test_another_analysis_gives_the_same_once(alice: Person) -> None:
    before = alice.get("/search", q="boss", page_size=200)
    run = alice.post(f"/sessions/{before['results'][0]['session_id']}/runs")
    assert alice.wait(run["id"])["status"] == "finished"
    after = alice.get("/search", q="boss", page_size=200)
    assert after == before


def test_a_session_that_moved_in_time_is_found_there(alice: Person) -> None:
    session_id = search(alice, "xanthippe")[0]["session_id"]
    alice.ask("PATCH", f"/sessions/{session_id}", json={"occurred_at": "2020-03-03T00:00:00Z"})
    assert search(alice, "xanthippe", **{"to": "2021-01-01T00:00:00Z"})[0]["session_id"] == session_id


def test_no_log_holds_a_question(stack: Stack, reader: Person) -> None:
    reader.get("/search", q="embarrassing-kumquat")
    reader.post("/search", {"q": "embarrassing-kumquat"})
    reader.ask("GET", "/search", params={"q": "embarrassing-kumquat" * 100})
    assert "embarrassing-kumquat" not in stack.log.read_text()


def test_ready_says_how_search_is(stack: Stack) -> None:
    part = requests.get(f"{stack.base}/readyz", timeout=10).json()["data"]["checks"]["search"]
    assert part["status"] == "ok" and part["detail"].startswith("by meaning and words")
