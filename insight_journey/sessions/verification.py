"""Do SQL, the sealed analyses and the graph say the same of a person? Every difference, none of the words.

`compare` is pure: the graph that the truth asks for against the graph that is there, both as `whole.export` gives them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from insight_journey.accounts.keys import keystore
from insight_journey.analysis.base import Analysis
from insight_journey.crypto import Key
from insight_journey.errors import Conflict, NotFound, Tampered
from insight_journey.extensions import db
from insight_journey.graph import whole
from insight_journey.graph.client import Row
from insight_journey.graph.projection import SessionTruth, moment_id, session_id
from insight_journey.graph.whole import Export
from insight_journey.sessions import identity, relay
from insight_journey.sessions.models import PERSON, MomentText, Session, StaleMark
from insight_journey.sessions.truth import active_analysis, truth_of

MOMENT = "moment"  # purpose of sealed moments


@dataclass(frozen=True)
class Difference:
    """One thing that two stores do not agree about.

    `session`: the session's id; its id in the graph where SQL knows none; None for what belongs to no single session.
    `store`: outbox, sealed, sql, graph. `what`: missing, extra, changed; waiting, set_aside; unreadable. `thing`: which row,
    node or relationship, and the names of the properties that differ.
    """

    session: str | None
    store: str
    what: str
    thing: str


def verify(user_id: UUID) -> list[Difference]:
    """All differences of one person, while no relay writes. Raises Conflict (`relay_busy`) where one is at it."""
    with relay.lease(user_id) as held:
        if held is None:
            raise Conflict("This person's graph is being written right now.", code="relay_busy")
        return _differences(user_id)


def _differences(user_id: UUID) -> list[Difference]:
    """The graph is read after SQL and the marks last, so what changed meanwhile shows as waiting, not as wrong."""
    try:
        key = keystore.user(user_id)
    except NotFound as error:
        return [Difference(None, "sealed", "unreadable", f"key {error.code}")]
    truths, found = _truths(key)
    db.session.rollback()
    there = whole.export(current_app.extensions["graph"], key, damaged=True)
    waiting = _waiting(user_id)
    told = [*waiting, *(difference for difference in found if difference.store == "sealed")]
    return [*waiting, *found, *_not_told(key, told, compare(whole.expected(key, truths), there), truths)]


def _not_told(key: Key, told: list[Difference], differing: list[Difference], truths: list[SessionTruth]) -> Iterator[Difference]:
    """A session that waits or can't be read is told once, not part by part; then what sessions share can't be judged either."""
    if any(one.session is None for one in told):
        return
    known = {session_id(key, truth.session_id): str(truth.session_id) for truth in truths}
    excused = {session_id(key, UUID(one.session)) for one in told if one.session}
    for difference in differing:
        if difference.session not in excused and (difference.session or not told):
            yield replace(difference, session=known.get(difference.session or "", difference.session))


def _waiting(user_id: UUID) -> list[Difference]:
    marks = db.session.scalars(sa.select(StaleMark).where(StaleMark.user_id == user_id).order_by(StaleMark.session_id))
    return [
        Difference(
            None if mark.session_id == PERSON else str(mark.session_id), "outbox",
            "set_aside" if mark.set_aside_at else "waiting", mark.error_code or "-",
        )
        for mark in marks
    ]  # fmt: skip


# SQL and the sealed analyses


def _truths(key: Key) -> tuple[list[SessionTruth], list[Difference]]:
    """The truth of each session, as far as it can be read, and what SQL and its sealed analysis disagree about."""
    truths, found = [], []
    for session in db.session.scalars(sa.select(Session).where(Session.user_id == key.owner).order_by(Session.id)):
        mine = str(session.id)
        try:
            analysis = active_analysis(key, session)
        except (Tampered, NotFound) as error:
            truths.append(truth_of(session, None, {}))
            found.append(Difference(mine, "sealed", "unreadable", f"analysis {error.code}"))
            continue
        decided = identity.decided(session.id)
        truths.append(truth_of(session, analysis, _element_keys(key, analysis, decided)))
        found += [*_identities(key, mine, analysis, decided), *_moments(key, session, analysis)]
    return truths, found


def _element_keys(key: Key, analysis: Analysis | None, decided: dict[tuple[str, bytes], str]) -> identity.ElementKeys:
    """What was decided; what the rule says where a decision is lost."""
    needed = identity.needed(key, analysis) if analysis else {}
    rule = {(kind, text_hash): identity.by_rule(text_hash, mention) for (kind, text_hash), mention in needed.items()}
    hashes = {(m.kind, identity.wording(m)): identity.key_of(key, m) for m in analysis.mentions} if analysis else {}
    return {name: decided.get(asked, rule[asked]) for name, asked in hashes.items()}


def _identities(key: Key, session: str, analysis: Analysis | None, decided: dict[tuple[str, bytes], str]) -> Iterator[Difference]:
    needed = {(str(kind), text_hash) for kind, text_hash in (identity.needed(key, analysis) if analysis else {})}
    for kind, text_hash in sorted(needed - decided.keys()):
        yield Difference(session, "sql", "missing", f"identity {kind} {text_hash.hex()[:16]}")
    for kind, text_hash in sorted(decided.keys() - needed):
        yield Difference(session, "sql", "extra", f"identity {kind} {text_hash.hex()[:16]}")


def _moments(key: Key, session: Session, analysis: Analysis | None) -> Iterator[Difference]:
    rows = {row.id: row for row in db.session.scalars(sa.select(MomentText).where(MomentText.session_id == session.id))}
    wanted = {UUID(moment_id(key, session.id, moment)): moment for moment in (analysis.moments if analysis else ())}
    secret = keystore.session(key, session.id) if rows else key
    for row_id in sorted(wanted.keys() | rows.keys()):
        if row_id not in rows or row_id not in wanted:
            yield Difference(str(session.id), "sql", "extra" if row_id in rows else "missing", f"moment {row_id}")
            continue
        row, moment = rows[row_id], wanted[row_id]
        try:
            text = secret.open_json(MOMENT, row.id, row.version, row.sealed)["text"]
        except Tampered:
            yield Difference(str(session.id), "sql", "unreadable", f"moment {row_id}")
            continue
        is_same = (row.position, row.role, row.start, row.end, text) == (
            moment.position, moment.role, moment.start, moment.end, moment.text
        )  # fmt: skip
        if not is_same:
            yield Difference(str(session.id), "sql", "changed", f"moment {row_id}")


# The graph


def compare(expected: Export, found: Export) -> list[Difference]:
    """What is missing, too much or changed in `found`; `session` is the id in the graph. Pure."""
    sessions = {**_sessions_of(found), **_sessions_of(expected)}
    return [
        Difference(sessions.get(_anchor(name)), "graph", what, f"{' '.join(name)}{properties}")
        for part in ("nodes", "relationships")
        for name, what, properties in _compare(expected[part], found[part])
    ]


def _compare(expected: list[Row], found: list[Row]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(name, what, names of properties) of each difference; one line each time that something is there too often."""
    wanted, there = _by_name(expected), _by_name(found)
    for name in sorted(wanted.keys() | there.keys()):
        ours, theirs = wanted[name], there[name]
        for _ in range(len(ours) - len(theirs)):
            yield name, "missing", ""
        for _ in range(len(theirs) - len(ours)):
            yield name, "extra", ""
        changed = Counter(p for one, other in zip(ours, theirs, strict=False) for p in _changed(one, other))
        if changed:
            yield name, "changed", f" ({', '.join(sorted(changed))})"


def _changed(one: Row, other: Row) -> Iterable[str]:
    return (name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _by_name(rows: list[Row]) -> defaultdict[tuple[str, ...], list[Row]]:
    named: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        named[_name(row)].append(row)
    return named


def _name(row: Row) -> tuple[str, ...]:
    """What a node or relationship is: (label, id), or (type, start, end) and, for a mention, its id."""
    if "label" in row:
        return row["label"], row["id"]
    return row["type"], row["start"], row["end"], *([row["id"]] if "id" in row else [])


def _anchor(name: tuple[str, ...]) -> str:
    """The id of the session or moment by which a thing belongs to a session; an element's own id leads to none."""
    return name[2] if name[0] in ("HAS_SESSION", "HAS_MOMENT") else name[1]


def _sessions_of(export: Export) -> dict[str, str]:
    """Ids of sessions and of their moments -> the session's id."""
    links = export["relationships"]
    moments = {link["end"]: link["start"] for link in links if link["type"] == "HAS_MOMENT"}
    return {**moments, **{node["id"]: node["id"] for node in export["nodes"] if node["label"] == "Session"}}
