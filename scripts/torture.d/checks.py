"""What must hold once it is quiet again."""

from collections import Counter
from typing import Any

import sqlalchemy as sa
from people import AUDIO, DOCUMENTS, TEXTS, Client

from insight_journey.sessions.models import OPEN, Run, StaleMark
from tests.installation import Installation, as_read, doubled, repeated, wait_until, words_read
from tests.media import REFLECTION as RECORDING
from tests.stack import Person

QUIET_SECONDS = 300
Reference = dict[str, dict[str, Any]]


def calm(person: Person) -> Reference:
    """What is read of each document when nobody kills anything."""
    return {name: as_read(person, person.upload(RECORDING) if name == AUDIO else person.write(TEXTS[name])) for name in DOCUMENTS}


def is_quiet(installation: Installation, seconds: float) -> bool:
    """Whether within `seconds` all runs have ended and no graph is behind."""
    runs = sa.select(sa.func.count()).select_from(Run).where(Run.status.in_(OPEN))
    marks = sa.select(sa.func.count()).select_from(StaleMark)
    return wait_until(lambda: installation.is_ready() and not any(installation.rows(query)[0][0] for query in (runs, marks)), seconds)


def problems(installation: Installation, clients: list[Client], reference: Reference) -> dict[str, list[str]]:
    """What is not as it must be once all is quiet, by kind."""
    still_open = [] if is_quiet(installation, QUIET_SECONDS) else ["runs are still open"]
    return {
        "lost": [problem for client in clients for problem in lost(client, reference)] + still_open,
        "doubled": [problem for client in clients for problem in too_much(installation, client)],
        "repeated": repeated(installation),
        "errors": [problem for client in clients for problem in client.errors],
    }


def lost(client: Client, reference: Reference) -> list[str]:
    """Sessions that were accepted and are not what they are in calm times."""
    problems = []
    for session_id, document in client.kept.items():
        try:
            found = as_read(client.person, session_id)
        except AssertionError as error:
            problems.append(f"{document} {session_id}: {str(error)[:200]}")
            continue
        different = [name for name in found if found[name] != reference[document][name]]
        problems += [f"{document} {session_id}: {', '.join(different)} differ"] if different else []
    return problems


def unread(client: Client, reference: Reference) -> list[str]:
    """Sessions whose words are not what they are in calm times; asks no graph."""
    return [
        f"{document} {session_id}: its words are not there"
        for session_id, document in client.kept.items()
        if not words_read(client.person, session_id).items() <= reference[document].items()
    ]


def too_much(installation: Installation, client: Client) -> list[str]:
    """Sessions, mentions and facts that are there twice."""
    listed = [session["id"] for session in client.person.all("/sessions") if session["status"] != "empty"]
    mentions = Counter(mention["id"] for mention in client.person.all("/elements"))
    return [
        *doubled(installation, client.person.id),
        *(f"session {i} is one too many" for i in set(listed) - set(client.kept)),
        *(f"mention {i} is there {count} times" for i, count in mentions.items() if count > 1),
    ]


def verify(installation: Installation) -> str:
    """`clean`, or what `graph verify` says."""
    answer = installation.run("graph", "verify")
    return "clean" if answer.returncode == 0 else (answer.stdout or answer.stderr).strip()[-500:]
