from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from insight_journey.analysis.base import Analysis
from insight_journey.crypto import Key
from insight_journey.extensions import new_id
from insight_journey.graph import views, whole
from insight_journey.graph.client import Graph, Refused
from insight_journey.graph.projection import clear_person, fence_of, person_id, project_session, remove_person, remove_session
from insight_journey.graph.schema import ensure_schema
from tests.engines import GraphEngine
from tests.graph.conftest import settings_of
from tests.graph.story import analysis, busy, evening, mention, moments, truth, varied


def test_it_works(graph: Graph, alice: Key) -> None:
    project_session(graph, alice, truth(alice, evening()))
    assert whole.person_counts(graph, alice) == {
        "Person": 1, "Session": 1, "Moment": 3, "HAS_SESSION": 1, "HAS_MOMENT": 3,
        "Emotion": 1, "Topic": 1, "Belief": 1, "Challenge": 1, "Insight": 1, "ActionItem": 1,
        "EXPRESSES": 1, "ABOUT": 1, "REVEALS": 1, "RAISES": 1, "SPARKS": 1, "COMMITS_TO": 1,
        "Category": 5, "IN_CATEGORY": 3, "BROADER": 2,  # fear.nervousness and work.workload with what is above, and the belief's own
    }  # fmt: skip


def test_a_session_without_an_analysis_is_a_node(graph: Graph, alice: Key) -> None:
    project_session(graph, alice, truth(alice, None))
    counts = whole.person_counts(graph, alice)
    assert {name: n for name, n in counts.items() if n} == {"Person": 1, "Session": 1, "HAS_SESSION": 1}


def test_again_changes_nothing(graph: Graph, alice: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told)
    before = whole.export(graph, alice)
    project_session(graph, alice, told)
    assert whole.export(graph, alice) == before


@pytest.mark.parametrize("elements", [12, 300])
def test_the_number_of_statements_is_constant(graph: Graph, alice: Key, elements: int) -> None:
    ensure_schema(graph)
    told, taken = truth(alice, varied(elements)), []
    for _ in ("new", "again"):
        before = graph.statements
        project_session(graph, alice, told)
        taken.append(graph.statements - before)
    assert taken == [3, 4]


def test_more_than_a_batch(graph: Graph, alice: Key) -> None:
    told = truth(alice, busy(1001))
    for _ in ("new", "again"):
        project_session(graph, alice, told)
        assert whole.export(graph, alice) == whole.expected(alice, [told])
    project_session(graph, alice, replace(told, analysis=None))
    assert whole.person_counts(graph, alice)["Challenge"] == 0


def test_an_element_named_many_times_is_one(graph: Graph, alice: Key) -> None:
    spoken = moments(*["I felt sad, and sad again."] * 3)
    quotes = [mention("emotion", moment, quote, code="sadness") for moment in spoken for quote in ("felt sad", "sad again")]
    told = truth(alice, analysis(spoken, *quotes))
    project_session(graph, alice, told)
    counts = whole.person_counts(graph, alice)
    assert (counts["Emotion"], counts["EXPRESSES"], counts["IN_CATEGORY"]) == (1, 6, 1)
    assert whole.export(graph, alice) == whole.expected(alice, [told])


def test_a_new_analysis_replaces_and_prunes(graph: Graph, alice: Key) -> None:
    first = truth(alice, evening())
    project_session(graph, alice, first)
    (spoken, *_) = moments("I felt so overwhelmed, the deadlines at work.")
    told = analysis([spoken], mention("emotion", spoken, "overwhelmed", code="fear.nervousness"))
    project_session(graph, alice, truth(alice, told, first.session_id))
    counts = {name: n for name, n in whole.person_counts(graph, alice).items() if n}
    assert counts == {
        "Person": 1, "Session": 1, "Moment": 1, "Emotion": 1, "Category": 2,
        "HAS_SESSION": 1, "HAS_MOMENT": 1, "EXPRESSES": 1, "IN_CATEGORY": 1, "BROADER": 1,
    }  # fmt: skip
    assert views.session_mentions(graph, alice, first.session_id)[0].intensity is None


def test_what_another_session_holds_stays(graph: Graph, alice: Key) -> None:
    first, second = truth(alice, evening()), truth(alice, evening(), day=1)
    project_session(graph, alice, first)
    before = whole.export(graph, alice)
    project_session(graph, alice, second)
    assert whole.person_counts(graph, alice)["Belief"] == 1
    project_session(graph, alice, replace(second, analysis=None))
    remove_session(graph, alice, alice.owner, second.session_id)
    assert whole.export(graph, alice) == before


def test_a_belief_leaves_the_category_that_no_mention_names(graph: Graph, alice: Key) -> None:
    (spoken,) = moments("I am never good enough.")

    def says(code: str) -> Analysis:
        return analysis([spoken], mention("belief", spoken, "never good enough", text="I am never good enough", code=code))

    told = truth(alice, says("self.worth"))
    project_session(graph, alice, told)
    project_session(graph, alice, replace(told, analysis=says("future.hope")))
    view = views.session_graph(graph, alice, told.session_id)
    assert {node["code"] for node in view.nodes if node["label"] == "Category"} == {"future", "future.hope"}
    assert views.session_mentions(graph, alice, told.session_id)[0].category == "future.hope"


def test_a_belief_leaves_its_category_when_no_mention_names_any(graph: Graph, alice: Key) -> None:
    (spoken,) = moments("I am never good enough.")
    told = [
        truth(alice, analysis([spoken], mention("belief", spoken, "never good enough", text="I am never good enough", code=code)))
        for code in ("self.worth", None)
    ]
    last = replace(told[1], session_id=told[0].session_id)
    for one in (told[0], last):
        project_session(graph, alice, one)
    assert whole.export(graph, alice) == whole.expected(alice, [last])


def test_what_was_done_about_an_action_survives_a_new_analysis(graph: Graph, alice: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told)
    done = "MATCH (a:ActionItem {owner: $owner}) SET a.status = 'done'"
    graph.write([(done, {"owner": person_id(alice, alice.owner)})])
    project_session(graph, alice, told)
    assert {found.status for found in views.session_mentions(graph, alice, told.session_id, "action_item")} == {"done"}


def test_the_order_of_arrival_does_not_matter(graph: Graph, alice: Key) -> None:
    (early,), (late,) = moments("I am NEVER good enough."), moments("I am never good enough.")
    truths = [
        truth(alice, analysis([spoken], mention("belief", spoken, spoken.text[5:22], text=spoken.text, code=code)), day=day)
        for day, (spoken, code) in enumerate([(early, "self.worth"), (late, "future.hope")])
    ]
    exports, texts = [], []
    for order in (truths, truths[::-1]):
        for told in order:
            project_session(graph, alice, told)
        exports.append(whole.export(graph, alice))
        texts.append({found.text for found in views.mentions(graph, alice)[0]})
        remove_person(graph, person_id(alice, alice.owner))
    assert exports[0] == exports[1]
    assert texts == [{"I am NEVER good enough."}, {"I am NEVER good enough."}]


def test_two_at_once_end_as_one_by_one(graph: Graph, alice: Key) -> None:
    truths = [truth(alice, evening(), day=n // 2) for n in range(20)]
    for told in truths:
        project_session(graph, alice, told)
    one_by_one = whole.export(graph, alice)
    remove_person(graph, person_id(alice, alice.owner))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda told: project_session(graph, alice, told), truths))
    assert whole.export(graph, alice) == one_by_one


def test_a_session_removed_while_another_is_written(graph: Graph, alice: Key) -> None:
    """Both hold the same elements: what is pruned for one must not be lost for the other."""
    kept = truth(alice, evening())
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            gone = truth(alice, evening())
            project_session(graph, alice, gone)
            removal = pool.submit(remove_session, graph, alice, alice.owner, gone.session_id)
            pool.submit(project_session, graph, alice, kept).result()
            removal.result()
    assert {found.kind for found in views.session_mentions(graph, alice, kept.session_id)} == {
        "emotion", "topic", "belief", "challenge", "insight", "action_item",
    }  # fmt: skip
    assert whole.person_counts(graph, alice)["Session"] == 1


def test_removing_the_last_session_leaves_nothing(graph: Graph, alice: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told)
    remove_session(graph, alice, alice.owner, told.session_id)
    assert not any(whole.person_counts(graph, alice).values())


def test_removing_what_is_not_there(graph: Graph, alice: Key) -> None:
    remove_session(graph, alice, alice.owner, new_id())
    remove_person(graph, person_id(alice, alice.owner))
    assert not any(whole.person_counts(graph, alice).values())


def test_removing_a_person_leaves_the_others(graph: Graph, alice: Key, charlie: Key) -> None:
    for key in (alice, charlie):
        project_session(graph, key, truth(key, evening()))
    before = whole.export(graph, charlie)
    remove_person(graph, person_id(alice, alice.owner))
    assert not any(whole.person_counts(graph, alice).values())
    assert whole.export(graph, charlie) == before


def test_people_share_nothing(graph: Graph, alice: Key, charlie: Key) -> None:
    for key in (alice, charlie):
        project_session(graph, key, truth(key, evening()))
    crossing = "MATCH (a)-[r]-(b) WHERE a.owner IN $owners AND a.owner <> b.owner RETURN count(r) AS n"
    owners = [person_id(key, key.owner) for key in (alice, charlie)]
    assert graph.read(crossing, owners=owners) == [{"n": 0}]
    ids = [{node["id"] for node in whole.export(graph, key)["nodes"]} for key in (alice, charlie)]
    assert not ids[0] & ids[1]


def test_the_same_truth_is_the_same_on_both_graphs(graphs: Callable[[str], GraphEngine], alice: Key) -> None:
    truths = [truth(alice, evening(), day=day) for day in range(3)]
    exports = []
    for kind in ("arcadedb", "neo4j"):
        with closing(Graph(settings_of(graphs(kind)))) as graph:
            for told in truths:
                project_session(graph, alice, told)
            exports.append((whole.export(graph, alice), views.mentions(graph, alice), views.summary(graph, alice)))
    assert exports[0] == exports[1]


def test_words_are_sealed_in_the_graphs_files(
    graph: Graph, both_graphs: GraphEngine, alice: Key, tmp_path_factory: pytest.TempPathFactory
) -> None:
    word, visible = "xylothimble", "not sealed, to show that the search finds what is there, in whatever way strings are stored"
    (spoken,) = moments(f"I must visit the {word}.")
    found = mention("action_item", spoken, word, text=f"Visit the {word}")
    told = truth(alice, analysis([spoken], found))
    project_session(graph, alice, told)
    assert views.session_mentions(graph, alice, told.session_id)[0].text == f"Visit the {word}"
    owner = person_id(alice, alice.owner)
    graph.write([("MATCH (p:Person {owner: $owner, id: $owner}) SET p.visible = $visible", {"owner": owner, "visible": visible})])
    files = [path for path in tmp_path_factory.getbasetemp().glob(f"{both_graphs.kind}*/**/*") if path.is_file()]
    held = b"".join(path.read_bytes() for path in files)
    assert visible.encode() in held
    assert word.encode() not in held
    assert word.encode("utf-16-le") not in held


def test_what_is_expected_is_what_is_there(graph: Graph, alice: Key) -> None:
    truths = [truth(alice, evening()), truth(alice, evening(), day=1), truth(alice, None, day=2)]
    for told in truths:
        project_session(graph, alice, told)
    assert whole.expected(alice, truths) == whole.export(graph, alice)


def test_nothing_is_expected_of_nobody(graph: Graph, alice: Key) -> None:
    assert whole.expected(alice, []) == whole.export(graph, alice)


def test_an_earlier_writer_is_refused(graph: Graph, alice: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told, fence=2)
    before = whole.export(graph, alice)
    with pytest.raises(Refused):
        project_session(graph, alice, replace(told, analysis=None), fence=1)
    with pytest.raises(Refused):
        remove_session(graph, alice, alice.owner, told.session_id, fence=1)
    with pytest.raises(Refused):
        clear_person(graph, person_id(alice, alice.owner), fence=1)
    assert whole.export(graph, alice) == before
    project_session(graph, alice, told, fence=2)
    assert fence_of(graph, alice) == 2


def test_an_earlier_writer_is_refused_where_nothing_is_left(graph: Graph, alice: Key) -> None:
    told = truth(alice, evening())
    project_session(graph, alice, told, fence=1)
    remove_session(graph, alice, alice.owner, told.session_id, fence=2)
    with pytest.raises(Refused):
        project_session(graph, alice, told, fence=1)
    assert whole.export(graph, alice) == {"nodes": [], "relationships": []}


def test_of_a_person_removed_for_good_no_trace_stays(graph: Graph, alice: Key) -> None:
    owner = person_id(alice, alice.owner)
    project_session(graph, alice, truth(alice, evening()), fence=1)
    remove_person(graph, owner)
    assert graph.read("MATCH (n) WHERE n.owner = $owner RETURN n", owner=owner) == []
