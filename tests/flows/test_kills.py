"""`kill -9` of any part at any stage: the run still ends `finished`, nothing is there twice, no stage done is done again."""

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import psutil
import pytest

from tests import media
from tests.conftest import enter, fresh_database
from tests.engines import STACK, ArcadeDB, Neo4j, running_graph
from tests.installation import Installation, as_read, doubled, is_alive, kill, repeated, wait_until
from tests.stack import ENDED, Person, until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent is gone")

LONG = "\n\n".join(
    f"Day {n}. I have been feeling really anxious about work. I'm not good enough. I realised that I never ask for help."
    for n in range(150)
)
STAGE_SECONDS = 60  # for a stage to be reached on a busy machine


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArcadeDB | Neo4j | None]:
    """A graph of our own, where `up` starts none."""
    with ExitStack() as held:
        yield enter(held, running_graph(STACK, tmp_path_factory.mktemp("graph"))) if STACK == "grown" else None


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, migrated: str, graph: ArcadeDB | Neo4j | None) -> Iterator[Installation]:
    """Everything with data of its own, under `up`, which starts again what was killed."""
    home = tmp_path_factory.mktemp("kills") / "home"
    with fresh_database(migrated, home.parent) as database_url:
        named = {"database_url": database_url, **graph.named.settings} if graph else {}
        made = Installation(home, lease_seconds=4, attempts=3, retry_seconds=0.1, whisper_threads=1, rate_limits="", **named)
        made.start()
        try:
            made.wait_ready()
            yield made
        finally:
            made.stop()


@pytest.fixture
def alice(installation: Installation) -> Person:
    installation.wait_ready()
    return installation.stack.person("Alice")


@pytest.fixture(scope="module")
def calm(installation: Installation) -> dict[str, Any]:
    """What a person reads of the same two sessions when nobody kills anything."""
    bob = installation.stack.person("Bob")
    return {"recording": as_read(bob, bob.upload(media.REFLECTION)), "text": as_read(bob, bob.write(LONG))}


def begin(person: Person, kind: str) -> tuple[str, str]:
    """(session, run) of a recording or a text, handed in and not waited for."""
    session_id = person.session()
    if kind == "text":
        return session_id, person.post(f"/sessions/{session_id}/text", {"text": LONG})["id"]
    return session_id, person.post(f"/sessions/{session_id}/content", files={"file": ("a.ogg", media.REFLECTION)})["id"]


def reaches(installation: Installation, run_id: str, stage: str) -> Any:
    """The run's row once it is in `stage`."""

    def row() -> Any:
        found = installation.run_row(run_id)
        return found if found.stage == stage or found.status == "finished" else None

    return until(row, STAGE_SECONDS)


def ends_well(installation: Installation, person: Person, session_id: str, run_id: str, expected: dict[str, Any]) -> None:
    run = waited_for(installation, person, run_id)
    assert (run["status"], run["error"]) == ("finished", None)
    assert as_read(person, session_id) == expected
    assert doubled(installation, person.id) == []
    assert repeated(installation) == []


def waited_for(installation: Installation, person: Person, run_id: str) -> dict[str, Any]:
    """The run once it has ended and the API answers."""
    assert wait_until(lambda: installation.run_row(run_id).status in ENDED and installation.is_ready(), 180)
    return person.wait(run_id)


def test_it_works(installation: Installation, calm: dict[str, Any]) -> None:
    assert {len(calm[kind]["elements"]) > 5 for kind in calm} == {True}
    assert {calm[kind]["status"] for kind in calm} == {"finished"}
    assert repeated(installation) == []


@pytest.mark.parametrize(("victim", "stage"), [("worker media", "transcribe"), ("job media", "transcribe")])
def test_whoever_transcribes(installation: Installation, alice: Person, calm: dict[str, Any], victim: str, stage: str) -> None:
    session_id, run_id = begin(alice, "recording")
    reaches(installation, run_id, stage)
    assert kill(installation.find(victim))
    ends_well(installation, alice, session_id, run_id, calm["recording"])


@pytest.mark.parametrize("victim", ["worker analysis", "job analysis"])
@pytest.mark.parametrize("stage", ["analyze", "index", "project"])
def test_whoever_analyzes(installation: Installation, alice: Person, calm: dict[str, Any], victim: str, stage: str) -> None:
    session_id, run_id = begin(alice, "text")
    before = reaches(installation, run_id, stage)
    kill(installation.find(victim))
    ends_well(installation, alice, session_id, run_id, calm["text"])
    assert installation.run_row(run_id).transcript_id == before.transcript_id


@pytest.mark.parametrize("victim", ["api", "redis", "graph"])
def test_what_they_stand_on(
    installation: Installation, graph: ArcadeDB | Neo4j | None, alice: Person, calm: dict[str, Any], victim: str
) -> None:
    session_id, run_id = begin(alice, "text")
    reaches(installation, run_id, "analyze")
    if victim == "graph" and graph:
        graph.kill()
        graph.start()
    else:
        kill_and_see_back(installation, victim)
    ends_well(installation, alice, session_id, run_id, calm["text"])


def kill_and_see_back(installation: Installation, victim: str) -> None:
    killed = installation.wait_for(victim)
    assert kill(killed)
    until(lambda: (found := installation.find(victim)) and found.pid != killed.pid)


def test_search_is_back_by_itself(installation: Installation, alice: Person) -> None:
    alice.write("A zebra stood in my kitchen.")
    assert alice.get("/search", q="zebra")["count"]
    killed = installation.wait_for("search")
    assert kill(killed)
    answer = alice.ask("GET", "/search", params={"q": "zebra"})  # refused, or answered by the next one already
    assert (answer.status_code, answer.json().get("error", {}).get("code")) in ((503, "search_unavailable"), (200, None))
    until(lambda: (found := installation.find("search")) and found.pid != killed.pid)
    until(lambda: alice.ask("GET", "/search", params={"q": "zebra"}).status_code == 200, 60)
    assert alice.get("/search", q="zebra")["count"]


def test_all_of_it_at_once(installation: Installation, alice: Person, calm: dict[str, Any]) -> None:
    session_id, run_id = begin(alice, "recording")
    reaches(installation, run_id, "transcribe")
    installation.kill()
    installation.start()
    ends_well(installation, alice, session_id, run_id, calm["recording"])


def test_a_recording_that_kills_its_worker_fails_in_the_end(installation: Installation, alice: Person) -> None:
    run_id = begin(alice, "recording")[1]
    for attempt in range(1, installation.settings.attempts + 1):
        until(lambda: installation.run_row(run_id).attempts == attempt and kill(installation.find("job media")), STAGE_SECONDS)  # noqa: B023 - called at once
    run = waited_for(installation, alice, run_id)
    assert (run["status"], run["error"]["code"]) == ("failed", "worker_died")


def test_a_worker_told_to_end_hands_its_run_back(installation: Installation, alice: Person) -> None:
    run_id = long_recording(alice)
    reaches(installation, run_id, "transcribe")
    worker = installation.wait_for("worker media")
    worker.send_signal(signal.SIGTERM)
    until(lambda: not is_alive(worker), 20)
    row = installation.run_row(run_id)
    assert row.attempts <= 1  # taken up again already, or waiting to be
    assert waited_for(installation, alice, run_id)["status"] == "finished"
    assert repeated(installation) == []


def test_up_told_to_end_hands_its_runs_back(installation: Installation, alice: Person) -> None:
    run_id = long_recording(alice)
    reaches(installation, run_id, "transcribe")
    parts = psutil.Process(installation.process.pid).children(recursive=True)
    assert installation.stop() < 30
    assert not [part for part in parts if is_alive(part)]
    row = installation.run_row(run_id)
    assert (row.status, row.attempts, row.lease_token) == ("queued", 0, None)
    installation.start()
    installation.wait_ready()
    assert waited_for(installation, alice, run_id)["status"] == "finished"


def long_recording(person: Person) -> str:
    """The run of a recording that takes a while."""
    sound = media.encode(np.tile(media.voice(seconds=75), 4), "ogg")
    session_id = person.session()
    return str(person.post(f"/sessions/{session_id}/content", files={"file": ("long.ogg", sound)})["id"])
