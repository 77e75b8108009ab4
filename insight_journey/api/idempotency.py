"""Idempotency-Key: a POST that may be sent again and is done once.

The key is claimed in a transaction of its own; the answer is kept, sealed, in the transaction of the work. So a claim
without an answer was never done, and may be taken over once its process must be dead.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Response, jsonify, make_response, request

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import IdempotencyKey
from insight_journey.api.auth import current_user
from insight_journey.api.envelope import enveloped
from insight_journey.crypto import Key
from insight_journey.errors import Conflict, Invalid
from insight_journey.extensions import db, now

F = TypeVar("F", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
LONGEST = 255
REFUSALS = {409: "idempotency_in_progress", 422: "idempotency_key_reused"}
PURPOSE = "idempotency"
KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=2)  # no JSON request works that long


@dataclass(frozen=True)
class Claim:
    """The right to do the work, as long as no other claim took its place."""

    key: Key
    key_hash: bytes
    request_hash: bytes
    token: UUID

    @property
    def row(self) -> Any:
        return sa.and_(IdempotencyKey.user_id == self.key.owner, IdempotencyKey.key_hash == self.key_hash)


def idempotent(view: F) -> F:
    """Do a JSON POST once for each Idempotency-Key. Stands topmost; commits for the view, which must not."""

    @functools.wraps(view)
    def once(*args: Any, **kwargs: Any) -> Response:
        given = request.headers.get(HEADER)
        if given is None:
            response = make_response(view(*args, **kwargs))
            db.session.commit()
            return response
        claim = _claim(given)
        return _replay(claim) or _do(claim, lambda: make_response(view(*args, **kwargs)))

    once._apidoc = _documented(getattr(view, "_apidoc", {}))  # type: ignore[attr-defined]
    return once  # type: ignore[return-value]


def _documented(apidoc: dict[str, Any]) -> dict[str, Any]:
    header = {"in": "header", "name": HEADER, "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST}}
    manual = dict(apidoc.get("manual_doc", {}))
    refusals = {**apidoc.get("refusals", {})}
    for status, code in REFUSALS.items():
        refusals[status] = [*refusals.get(status, []), code]
    return {**apidoc, "refusals": refusals, "manual_doc": {**manual, "parameters": [*manual.get("parameters", []), header]}}


def _claim(given: str) -> Claim:
    if not (0 < len(given) <= LONGEST and given.isascii() and given.isprintable()):
        raise Invalid("The Idempotency-Key is not valid.", details={HEADER: [f"Use 1 to {LONGEST} printable ASCII characters."]})
    key = keystore.user(current_user().id)
    asked = f"{request.method} {request.path}\n{request.get_data(as_text=True)}"
    return Claim(key, key.text_hash(PURPOSE, given), key.text_hash(f"{PURPOSE}-request", asked), uuid4())


def _replay(claim: Claim) -> Response | None:
    """The kept answer; None where the work is ours to do. Raises Invalid and Conflict."""
    _forget_old(claim)
    if _insert(claim):
        return None
    row = db.session.scalars(sa.select(IdempotencyKey).where(claim.row)).one()
    if row.request_hash != claim.request_hash:
        raise Invalid("This Idempotency-Key came with another request before; use a new one.", code="idempotency_key_reused")
    if row.sealed is not None:
        return _again(claim, row)
    if row.claimed_at > now() - ABANDONED or not _take_over(claim, row.token):
        raise _in_progress()
    return None


def _forget_old(claim: Claim) -> None:
    old = sa.delete(IdempotencyKey).where(
        IdempotencyKey.user_id == claim.key.owner, IdempotencyKey.claimed_at < now() - KEPT
    )  # fmt: skip
    db.session.execute(old)
    db.session.commit()


def _insert(claim: Claim) -> bool:
    values = {"user_id": claim.key.owner, "key_hash": claim.key_hash, "request_hash": claim.request_hash, "token": claim.token}
    try:
        db.session.execute(sa.insert(IdempotencyKey).values(**values))
        db.session.commit()
    except sa.exc.IntegrityError:
        db.session.rollback()
        return False
    return True


def _take_over(claim: Claim, former: UUID) -> bool:
    update = sa.update(IdempotencyKey).where(claim.row, IdempotencyKey.token == former, IdempotencyKey.sealed.is_(None))
    taken = _changed(update.values(token=claim.token, claimed_at=now()))
    db.session.commit()
    return taken


def _again(claim: Claim, row: IdempotencyKey) -> Response:
    data = claim.key.open_json(PURPOSE, claim.key_hash.hex(), 1, row.sealed or b"")["data"]
    response = jsonify(enveloped(data))
    response.status_code = row.status or 200
    response.headers["Idempotent-Replay"] = "true"
    return response


def _do(claim: Claim, work: Callable[[], Response]) -> Response:
    committed: list[bool] = []
    try:
        db.after_commit(lambda: committed.append(True))
        response = work()
        if committed:
            raise RuntimeError("a view under @idempotent must not commit")
        _keep(claim, response)
        db.session.commit()
    except BaseException:
        db.session.rollback()
        db.session.execute(sa.delete(IdempotencyKey).where(claim.row, IdempotencyKey.token == claim.token))
        db.session.commit()
        raise
    return response


def _keep(claim: Claim, response: Response) -> None:
    sealed = claim.key.seal_json(PURPOSE, claim.key_hash.hex(), 1, {"data": response.get_json()["data"]})
    update = sa.update(IdempotencyKey).where(claim.row, IdempotencyKey.token == claim.token)
    if not _changed(update.values(status=response.status_code, sealed=sealed)):
        raise _in_progress()


def _changed(update: Any) -> bool:
    options = {"synchronize_session": False}
    return bool(db.session.execute(update, execution_options=options).rowcount)  # type: ignore[attr-defined]


def _in_progress() -> Conflict:
    return Conflict("The first request with this Idempotency-Key is still being worked on.", code="idempotency_in_progress")
