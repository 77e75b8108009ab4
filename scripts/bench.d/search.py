"""search: 20,000 moments of one person, 12,000 elements with them, in 200 sessions, asked over HTTP; all of the product on two cores.

Warm: 95 of 100 questions within 100 ms. Cold, the process just started and nothing of hers in memory: within 1.5 s. Every vector,
word and text is sealed as the pipeline would; the words are drawn from a list and the vectors at random.
Also told: memory, and the work of a question.
"""

import argparse
import json
import os
import random
import statistics
import time
from functools import cache
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import numpy as np
import psutil
import sqlalchemy as sa
from figures import p95, within
from installation import Lacking, engines_of_stack, start

from insight_journey import encoder
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.app import create_app
from insight_journey.encoder import DIMENSIONS
from insight_journey.extensions import db, new_id
from insight_journey.search import index
from insight_journey.search.index import Row
from insight_journey.sessions import indexing, service
from insight_journey.sessions.models import MomentText, Run, Session
from insight_journey.sessions.stages import MOMENT
from tests.stack import Person, Stack, until

SESSIONS, MOMENTS, ELEMENTS = 200, 100, 60  # the latter two in each session
WARM_MS, COLD_SECONDS = 100, 1.5
ASKED, STARTS, CORES = 200, 3, 2
MB = 1_000_000
_WORDS = (
    "work home sister brother mother father friend boss team money house garden river mountain train ticket letter phone night morning "
    "dream sleep coffee bread music piano winter summer holiday doctor school teacher exam fear anger joy shame pride quiet noise argument "
    "promise silence laughter worry hope plan walk run swim read write cook clean build break mend leave stay return forgive forget"
)
WORDS = _WORDS.split()


def run(_arguments: argparse.Namespace) -> int:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with engines_of_stack() as stack:
        start(stack, ("api",), ("search",), status="degraded")
        person = stack.person("Diarist")
        idle = _resident(stack)
        _fill(stack, UUID(person.id))
        cold = [_cold(stack, person, number) for number in range(STARTS)]
        before = _worked(stack)
        warm = [_ask(stack, person, _question(number))[0] for number in range(ASKED)]
        work = {part: 1000 * (seconds - before[part]) / ASKED for part, seconds in _worked(stack).items()}
        loaded = _resident(stack)
    print(f"memory of the search process: {idle:.0f} MB idle, {loaded:.0f} MB with her vectors")
    print("work of a warm question: " + ", ".join(f"{part} {spent:.1f} ms of CPU" for part, spent in work.items()))
    kept = within("search cold", max(cold), COLD_SECONDS, "s", f"worst of {STARTS}")
    median = statistics.median(warm) * 1000
    return not (within("search warm p95", p95(warm) * 1000, WARM_MS, "ms", f"median {median:.0f} ms, {ASKED} questions") and kept)


def _resident(stack: Stack) -> float:
    return float(psutil.Process(stack.parts["search"].pid).memory_info().rss) / MB


def _worked(stack: Stack) -> dict[str, float]:
    """Seconds of CPU so far: what is true on a busy machine, too."""
    spent = {}
    for part in ("api", "search"):
        parent = psutil.Process(stack.parts[part].pid)
        times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
        spent[part] = sum(one.user + one.system for one in times)
    return spent


def _cold(stack: Stack, person: Person, number: int) -> float:
    """Seconds of the first question that a new process is asked."""
    stack.parts["search"].terminate()
    stack.parts.pop("search").wait()
    stack.start("search")
    until(lambda: person.get("/readyz")["checks"]["search"]["status"] == "ok", 60)
    seconds, found = _ask(stack, person, _question(number + ASKED))
    if found["not_indexed"] or found["words_only"] or not found["count"]:
        raise Lacking(f"not all of it is searched: {found}")
    return seconds


def _question(number: int) -> str:
    """Every fourth is looked up by its words."""
    drawn = random.Random(number).sample(WORDS, 6)  # noqa: S311 - no secret
    return f'"{drawn[0]}" {drawn[1]}' if number % 4 == 0 else f"When I felt {drawn[0]} about {' and '.join(drawn[1:])}"


def _ask(stack: Stack, person: Person, question: str) -> tuple[float, dict[str, Any]]:
    connection = HTTPConnection("127.0.0.1", stack.settings.port, timeout=60)
    began = time.monotonic()
    connection.request("GET", f"/api/v1/search?{urlencode({'q': question})}", headers={"Authorization": f"Bearer {person.token}"})
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.monotonic() - began
    if answer.status != 200:
        raise Lacking(f"a search was answered with {answer.status}: {body.decode()}")
    data: dict[str, Any] = json.loads(body)["data"]
    return seconds, data


def _fill(stack: Stack, user_id: UUID) -> None:
    app = create_app(stack.settings)
    draw = np.random.default_rng(5)
    with app.app_context():
        user = db.session.scalars(sa.select(User).where(User.id == user_id)).one()
        for number in range(SESSIONS):
            _add_session(user, f"Day {number}", draw)
    app.extensions["db"][0].dispose()
    keystore.engine.dispose()


def _add_session(user: User, title: str, draw: np.random.Generator) -> None:
    session = service.create_session(user, title)
    run = Run(session_id=session.id, user_id=user.id, number=1, status="finished", warnings=[], report={})
    db.session.add(run)
    db.session.flush()
    key = service.session_key(session)
    moments = [_moment(session, key, position, draw) for position in range(MOMENTS)]
    rows = [*moments, *(_element(moment) for moment in moments[:ELEMENTS])]
    artifact = indexing.keep(key, session.id, run.id, _indexed(rows, draw))
    session.index_id, session.analysis_id, session.status = artifact.id, new_id(), "finished"
    db.session.commit()


def _moment(session: Session, key: Any, position: int, draw: np.random.Generator) -> Row:
    text = " ".join(draw.choice(WORDS, 45)).capitalize() + "."
    moment_id = uuid4()
    sealed = key.seal_json(MOMENT, moment_id, 1, {"text": text, "speaker": None})
    db.session.add(MomentText(id=moment_id, session_id=session.id, position=position, role="client", sealed=sealed, version=1))
    return Row(index.MOMENT, moment_id, text, (0, len(text)))


def _element(moment: Row) -> Row:
    words = moment.text[:60]
    return Row("belief", moment.moment, words, (0, len(words)), mention=uuid4(), element=uuid4(), wording=words)


@cache
def _questions_encoded() -> np.ndarray:
    model = encoder.get(None)
    if model is None:
        raise Lacking("the text encoder is not installed")
    return model.vectors([_question(number) for number in range(40)])


def _indexed(rows: list[Row], draw: np.random.Generator) -> index.Index:
    """As the stage makes it, with vectors drawn instead of encoded."""
    plain = index.build(rows, None, lambda share: None)
    near = _questions_encoded()[draw.integers(0, 40, len(rows))]  # so that most of them answer to some questions
    vectors = near + draw.standard_normal((len(rows), DIMENSIONS), np.float32) * 0.05
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ends = np.arange(1, len(rows) + 1)
    return index.Index(**{**vars(plain), "vectors": vectors.astype(np.float16), "vector_ends": ends, "encoder": index.encoder_version()})
