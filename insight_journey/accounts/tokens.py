"""Access and refresh tokens. A login begins a family; revoking the family ends all its tokens at once.

A refresh token counts once. Whoever comes with a used one holds a copy, the person or a thief: the whole family ends.
What is revoked stands in SQL, so losing Redis revives nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import sqlalchemy as sa
from flask import Flask, current_app
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token

from insight_journey import events
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import RefreshToken, TokenFamily, User
from insight_journey.errors import Unauthenticated
from insight_journey.extensions import db, now
from insight_journey.settings import Settings

ISSUER = "insight-journey"
ALGORITHMS = ["HS256"]
ACCESS, REFRESH = "access", "refresh"
SIGNED_IN = (  # made once: it goes before almost every request
    sa.select(User)
    .join(TokenFamily, TokenFamily.user_id == User.id)
    .where(User.id == sa.bindparam("user_id"), TokenFamily.id == sa.bindparam("family_id"), TokenFamily.revoked_at.is_(None))
)


@dataclass(frozen=True)
class Claims:
    """What a valid token says."""

    user_id: UUID
    family_id: UUID
    token_id: UUID
    expires_at: datetime


@dataclass(frozen=True)
class TokenPair:
    """Tokens for a client; `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - a name, not a secret


def init_app(app: Flask, settings: Settings) -> None:
    app.config.update(
        JWT_SECRET_KEY=keystore.master.derive("jwt"),
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=settings.access_token_minutes),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(days=settings.refresh_token_days),
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_DECODE_ALGORITHMS=ALGORITHMS,
        JWT_COOKIE_CSRF_PROTECT=False,  # we take no cookies
    )
    JWTManager(app)


def begin_family(user_id: UUID) -> TokenPair:
    """Tokens of a new login."""
    family = TokenFamily(user_id=user_id)
    db.session.add(family)
    db.session.flush()
    return _issue(user_id, family.id)


def rotate(refresh_token: str) -> TokenPair:
    """New tokens for a refresh token that was never used.

    Raises Unauthenticated; where its code is `token_reused` the family has been revoked, which the edge must commit.
    """
    claims = _decode(refresh_token, REFRESH)
    if _consume(claims.token_id):
        _find_user(claims)
        return _issue(claims.user_id, claims.family_id)
    _find_user(claims)
    revoke_family(claims.family_id)
    raise Unauthenticated("This refresh token was used before, so all tokens of its login have ended. Sign in again.", code="token_reused")


def revoke_family(family_id: UUID) -> None:
    """End all tokens of a login; sockets opened with them are put out after the commit."""
    update = sa.update(TokenFamily).where(TokenFamily.id == family_id, TokenFamily.revoked_at.is_(None))
    db.session.execute(update.values(revoked_at=now()))
    db.after_commit(lambda: events.family_revoked(family_id))


def authenticate(access_token: str) -> tuple[User, Claims]:
    """The person behind an access token: signature, time, type and family are checked, with one query.

    Raises Unauthenticated with code token_invalid, token_expired or token_revoked.
    """
    claims = _decode(access_token, ACCESS)
    return _find_user(claims), claims


def verify_access(token: str) -> Claims:
    """As `authenticate`, for who needs no User."""
    return authenticate(token)[1]


def verify_refresh(token: str) -> Claims:
    """The claims of a refresh token of a family that was not revoked, used or not. Raises Unauthenticated."""
    claims = _decode(token, REFRESH)
    _find_user(claims)
    return claims


def forget(before: datetime) -> int:
    """Forget refresh tokens that expired before a time, at least a day ago, and logins that have none left: all their tokens have
    expired. Returns how many of both.
    """
    expired = sa.delete(RefreshToken).where(RefreshToken.expires_at < before)
    left = sa.exists().where(RefreshToken.family_id == TokenFamily.id)
    ended = sa.delete(TokenFamily).where(TokenFamily.created_at < before, ~left)
    return sum(db.session.execute(delete).rowcount for delete in (expired, ended))  # type: ignore[attr-defined]


def _issue(user_id: UUID, family_id: UUID) -> TokenPair:
    claims = {"fam": str(family_id)}
    refresh = create_refresh_token(str(user_id), additional_claims=claims)
    payload = decode_token(refresh)
    db.session.add(RefreshToken(id=UUID(payload["jti"]), family_id=family_id, expires_at=_time(payload["exp"])))
    db.session.flush()
    access = create_access_token(str(user_id), additional_claims=claims)
    issued = decode_token(access)
    return TokenPair(access, refresh, issued["exp"] - issued["iat"])


def _decode(token: str, wanted: str) -> Claims:
    try:
        payload = jwt.decode(
            token, current_app.config["JWT_SECRET_KEY"], algorithms=ALGORITHMS, issuer=ISSUER, options={"require": ["exp"]}
        )  # not by decode_token, which decodes twice: this goes before almost every request
        if payload["type"] != wanted:
            raise ValueError(wanted)
        return _claims(payload)
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("This token has expired.", code="token_expired") from None
    except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
        raise Unauthenticated("This is not a valid token.", code="token_invalid") from None


def _claims(payload: dict[str, Any]) -> Claims:
    return Claims(UUID(payload["sub"]), UUID(payload["fam"]), UUID(payload["jti"]), _time(payload["exp"]))


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _find_user(claims: Claims) -> User:
    user = db.session.scalar(SIGNED_IN, {"user_id": claims.user_id, "family_id": claims.family_id})
    if user is None:
        raise Unauthenticated("This token has been revoked. Sign in again.", code="token_revoked")
    return user


def _consume(token_id: UUID) -> bool:
    """Mark a refresh token used; of two at the same moment one gets it."""
    update = sa.update(RefreshToken).where(RefreshToken.id == token_id, RefreshToken.used_at.is_(None))
    return bool(db.session.execute(update.values(used_at=now())).rowcount)  # type: ignore[attr-defined]
