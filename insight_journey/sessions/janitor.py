"""Removes what requests and workers left that died before their commit, a day later.

A key or a file is a leftover when no row names it. A database that was restored from an older copy, or exchanged, names
too little, and what it misses may be all that is left of somebody's words. So only what was made since the database and
the key store have been seen together is looked at (`epoch.keep_keys`), and only what belongs to keys of ours.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from flask import current_app

from insight_journey.accounts import tokens
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import IdempotencyKey, User
from insight_journey.extensions import db, now
from insight_journey.sessions import documents, epoch, relay
from insight_journey.sessions.models import Artifact, Media, Session
from insight_journey.storage import CHECKS

AGE = timedelta(days=1)  # nothing works so long before the commit that names what it made
log = structlog.get_logger()


def tidy() -> None:
    """Remove leftovers that are older than AGE. Safe to repeat, and to run twice at once."""
    since, before = epoch.keep_keys(), now() - AGE
    removed = {
        "sessions": _shred_sessions(since, before),
        "users": _shred_users(since, before),
        "files": _delete_files(since, before),
        "tokens": tokens.forget(before),
        "answers": _forget_answers(before),
    }
    db.session.commit()
    if any(removed.values()):
        log.info("tidied", **removed)


def _shred_sessions(since: datetime, before: datetime) -> int:
    left = keystore.sessions_made(since, before) - set(db.session.scalars(sa.select(Session.id)))
    for session_id in left:
        relay.shred(session_id)
    return len(left)


def _shred_users(since: datetime, before: datetime) -> int:
    left = keystore.users_made(since, before) - set(db.session.scalars(sa.select(User.id)))
    for user_id in left:
        keystore.destroy_user(user_id)
    return len(left)


def _delete_files(since: datetime, before: datetime) -> int:
    """Uploads and documents that were cut off, or that lost the race to be named; what checks of the storage left."""
    storage = current_app.extensions["storage"]
    folders = [CHECKS, *map(documents.folder, db.session.scalars(sa.select(Session.id)))]
    found = (path for folder in folders for path, written in storage.files(folder) if since < written < before)
    left = set(found) - _named()
    for path in left:
        storage.delete(path)
    return len(left)


def _named() -> set[str]:
    return {path for column in (Media.path, Artifact.path) for path in db.session.scalars(sa.select(column))}


def _forget_answers(before: datetime) -> int:
    old = db.session.execute(sa.delete(IdempotencyKey).where(IdempotencyKey.claimed_at < before))
    return int(old.rowcount)  # type: ignore[attr-defined]
