from datetime import UTC, datetime, timedelta

import pytest

from insight_journey.crypto import Key
from insight_journey.extensions import new_id
from insight_journey.graph import views
from insight_journey.graph.client import Graph
from insight_journey.graph.projection import element_id, moment_id, project_session, session_id
from tests.graph.story import START, analysis, busy, evening, mention, moments, truth


def test_it_works(graph: Graph, alice: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told)
    found = views.session_mentions(graph, alice, told.session_id)
    assert [one.kind for one in found] == ["emotion", "topic", "challenge", "belief", "insight", "action_item"]
    feeling, topic, challenge, belief, _, action = found
    assert (feeling.code, feeling.name, feeling.category, feeling.intensity) == ("fear.nervousness", "Nervousness", "fear.nervousness", 3)
    assert (challenge.text, challenge.wording, challenge.severity, challenge.code) == ("Deadlines at work", "Deadlines at work", 2, None)
    assert (topic.name, topic.text) == ("Workload and deadlines", None)
    assert (belief.category, belief.stance, belief.engine) == ("self", "holds", "rule")
    assert (action.status, action.due_on, action.moment_position) == ("open", "2026-03-02", 2)
    assert action.at == START + timedelta(seconds=20)
    assert feeling.element_id == element_id(alice, "emotion", "fear.nervousness")
    assert feeling.session_id == session_id(alice, told.session_id)


def test_a_mention_leads_to_its_words(graph: Graph, alice: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told)
    assert told.analysis is not None
    by_id = {moment_id(alice, told.session_id, moment): moment for moment in told.analysis.moments}
    for found in views.session_mentions(graph, alice, told.session_id):
        quote = by_id[found.moment_id].text[found.span_start : found.span_end]
        assert quote in {one.quote for one in told.analysis.mentions if one.kind == found.kind}


def test_one_kind(graph: Graph, alice: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told)
    assert [one.kind for one in views.session_mentions(graph, alice, told.session_id, "belief")] == ["belief"]
    rows, total = views.mentions(graph, alice, kind="topic")
    assert ([one.kind for one in rows], total) == (["topic"], 1)


def test_pages_neither_overlap_nor_skip(graph: Graph, alice: Key) -> None:
    for day in range(3):
        project_session(graph, alice, truth(alice, evening(), day=day))
    whole, total = views.mentions(graph, alice, limit=200)
    pages = [one for skip in range(0, 18, 5) for one in views.mentions(graph, alice, skip=skip, limit=5)[0]]
    assert total == 18
    assert pages == whole
    assert [one.at for one in whole] == sorted((one.at for one in whole), reverse=True)
    assert views.mentions(graph, alice, skip=18) == ([], 18)


def test_a_period_has_its_start_and_not_its_end(graph: Graph, alice: Key) -> None:
    for day in range(3):
        project_session(graph, alice, truth(alice, evening(), day=day))
    since, until = START + timedelta(days=1), START + timedelta(days=2)
    rows, total = views.mentions(graph, alice, since=since, until=until)
    assert total == 6
    assert {one.at.date() for one in rows} == {since.date()}
    assert views.summary(graph, alice, since, until).totals == {"moments": 3, "moments_with_elements": 3, "sessions": 1}


def test_counts_are_of_elements(graph: Graph, alice: Key) -> None:
    spoken = moments("I am sad, so sad.", "Sad again.")
    told = truth(
        alice,
        analysis(
            spoken,
            *(mention("emotion", moment, "sad", code="sadness") for moment in spoken[:1]),
            mention("emotion", spoken[1], "Sad", code="sadness"),
        ),
    )
    project_session(graph, alice, told)
    assert views.counts(graph, alice, told.session_id) == {"emotion": 1}
    assert len(views.session_mentions(graph, alice, told.session_id)) == 2


def test_several_mentions_between_one_moment_and_one_element(graph: Graph, alice: Key) -> None:
    (spoken,) = moments("sad and sadder")
    twice = [mention("emotion", spoken, quote, code="sadness") for quote in ("sad", "sadder")]
    told = truth(alice, analysis([spoken], *twice))
    project_session(graph, alice, told)
    assert len({one.id for one in views.session_mentions(graph, alice, told.session_id)}) == 2


def test_the_drawing_of_a_session(graph: Graph, alice: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told)
    project_session(graph, alice, truth(alice, busy(3), day=1))
    view = views.session_graph(graph, alice, told.session_id)
    labels = [node["label"] for node in view.nodes]
    assert {label: labels.count(label) for label in set(labels)} == {
        "Session": 1, "Moment": 3, "Emotion": 1, "Topic": 1, "Belief": 1, "Challenge": 1, "Insight": 1, "ActionItem": 1, "Category": 5,
    }  # fmt: skip
    types = [link["type"] for link in view.relationships]
    assert (types.count("HAS_MOMENT"), types.count("IN_CATEGORY"), types.count("BROADER"), len(types)) == (3, 3, 2, 14)
    ids = {node["id"] for node in view.nodes}
    assert all(link["start"] in ids and link["end"] in ids for link in view.relationships)
    assert len({link["id"] for link in view.relationships}) == len(types)
    assert {node["name"] for node in view.nodes if node["label"] == "Category"} >= {"Fear", "Nervousness"}
    assert next(node for node in view.nodes if node["label"] == "Belief")["text"] == "I am never good enough"
    assert not {"owner", "projection"} & {name for row in [*view.nodes, *view.relationships] for name in row}


def test_what_a_session_is_most_about_comes_first(graph: Graph, alice: Key) -> None:
    spoken = moments("My sister, and money.", "Money again.", "Money, and my sister.")
    found = [mention("topic", moment, "oney", code="living.money", confidence=0.5) for moment in spoken]
    told = truth(alice, analysis(spoken, mention("topic", spoken[0], "sister", code="family.siblings", confidence=0.9), *found))
    project_session(graph, alice, told)
    topics = [node for node in views.session_graph(graph, alice, told.session_id).nodes if node["label"] == "Topic"]
    assert [(node["code"], node["prominence"]) for node in topics] == [("living.money", 1.5), ("family.siblings", 0.9)]


def test_the_drawing_of_a_session_without_moments(graph: Graph, alice: Key) -> None:
    told = truth(alice, None)
    project_session(graph, alice, told)
    view = views.session_graph(graph, alice, told.session_id)
    assert ([node["label"] for node in view.nodes], view.relationships) == (["Session"], [])


def test_the_summary_says_what_goes_with_what(graph: Graph, alice: Key) -> None:
    for day in range(3):
        project_session(graph, alice, truth(alice, evening(), day=day))
    (spoken,) = moments("Nothing in particular.")
    project_session(graph, alice, truth(alice, analysis([spoken]), day=1))
    view = views.summary(graph, alice)
    assert view.totals == {"moments": 10, "moments_with_elements": 9, "sessions": 4}
    by_label = {node["label"]: node for node in view.nodes if node["label"] != "Category"}
    feeling = by_label["Emotion"]
    assert {name: feeling[name] for name in ("mentions", "moments", "sessions", "intensity")} == {
        "mentions": 3, "moments": 3, "sessions": 3, "intensity": 3.0,
    }  # fmt: skip
    assert (feeling["first"], feeling["last"]) == (START.isoformat(), (START + timedelta(days=2)).isoformat())
    assert by_label["Challenge"]["text"] == "Deadlines at work"
    together = {frozenset((link["start"], link["end"])): link["moments"] for link in view.relationships if link["type"] == "CO_OCCURS"}
    assert together == {
        frozenset((by_label["Emotion"]["id"], by_label["Topic"]["id"])): 3,
        frozenset((by_label["Emotion"]["id"], by_label["Challenge"]["id"])): 3,
        frozenset((by_label["Topic"]["id"], by_label["Challenge"]["id"])): 3,
        frozenset((by_label["Belief"]["id"], by_label["Insight"]["id"])): 3,
    }


def test_the_summary_is_bounded(graph: Graph, alice: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "SUMMARY_ELEMENTS", 2)
    project_session(graph, alice, truth(alice, busy(5)))
    view = views.summary(graph, alice)
    assert len(view.nodes) == 2
    assert view.totals["moments"] == 5


def test_before_1970_and_far_ahead(graph: Graph, alice: Key) -> None:
    assert views.mentions(graph, alice, since=datetime(1, 1, 1, tzinfo=UTC), until=datetime(9999, 1, 1, tzinfo=UTC)) == ([], 0)


def test_a_stranger_sees_nothing(graph: Graph, alice: Key, charlie: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told)
    project_session(graph, charlie, truth(charlie, busy(1)))
    assert views.session_mentions(graph, charlie, told.session_id) == []
    assert views.session_graph(graph, charlie, told.session_id).nodes == []
    assert views.counts(graph, charlie, told.session_id) == {}
    rows, total = views.mentions(graph, charlie)
    assert (len(rows), total, rows[0].text) == (1, 1, "Thing 0")
    assert [node["text"] for node in views.summary(graph, charlie).nodes] == ["Thing 0"]


def test_nothing_of_a_hidden_session_is_shown(graph: Graph, alice: Key) -> None:
    (early,), (late,) = moments("I am NEVER good enough."), moments("I am never good enough.")
    gone, kept = (
        truth(alice, analysis([spoken], mention("belief", spoken, spoken.text, text=spoken.text, code="self")), day=day)
        for day, spoken in enumerate([early, late])
    )
    for told in (gone, kept):
        project_session(graph, alice, told)
    hidden = [session_id(alice, gone.session_id)]
    rows, total = views.mentions(graph, alice, hidden=hidden)
    assert (total, [one.text for one in rows]) == (1, [late.text])
    assert [one.text for one in views.session_mentions(graph, alice, kept.session_id, hidden=hidden)] == [late.text]
    view = views.summary(graph, alice, hidden=hidden)
    assert view.totals["sessions"] == 1
    assert [(node["text"], node["mentions"]) for node in view.nodes if node["label"] == "Belief"] == [(late.text, 1)]
    assert late.text in {node.get("text") for node in views.session_graph(graph, alice, kept.session_id, hidden).nodes}


def test_an_unknown_session_is_empty(graph: Graph, alice: Key) -> None:
    assert views.session_graph(graph, alice, new_id()).nodes == []
    assert views.summary(graph, alice).totals == {"moments": 0, "moments_with_elements": 0, "sessions": 0}
