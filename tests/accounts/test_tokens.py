"""Tokens, without HTTP: as sockets see them."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
import sqlalchemy as sa
from flask import Flask
from flask_jwt_extended import create_access_token, create_refresh_token

from insight_journey.accounts import service, tokens
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import RefreshToken, TokenFamily, User
from insight_journey.accounts.tokens import TokenPair
from insight_journey.errors import Unauthenticated
from insight_journey.extensions import db, now


@pytest.fixture
def pair(app: Flask) -> TokenPair:
    _, pair = service.register("alice@example.com", "plum tree in the rain", "Alice")
    db.session.commit()
    return pair


def code_of(action: Callable[[str], object], token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        action(token)
    return refused.value.code


def test_it_works(pair: TokenPair) -> None:
    claims = tokens.verify_access(pair.access_token)
    user = db.session.scalars(sa.select(User)).one()
    family = db.session.scalars(sa.select(TokenFamily)).one()
    assert (claims.user_id, claims.family_id) == (user.id, family.id)
    assert timedelta(minutes=14) < claims.expires_at - now() <= timedelta(minutes=15)
    assert pair.expires_in == 900


def test_verifying_costs_one_query(app: Flask, pair: TokenPair) -> None:
    db.session.rollback()
    statements: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    tokens.verify_access(pair.access_token)
    assert len(statements) == 1


def test_the_row_of_a_refresh_token_is_its_jti(pair: TokenPair) -> None:
    row = db.session.scalars(sa.select(RefreshToken)).one()
    assert tokens.verify_refresh(pair.refresh_token).token_id == row.id
    assert timedelta(days=29) < row.expires_at - now() <= timedelta(days=30)


def test_rotation_keeps_the_family(pair: TokenPair) -> None:
    fresh = tokens.rotate(pair.refresh_token)
    assert tokens.verify_access(fresh.access_token).family_id == tokens.verify_access(pair.access_token).family_id


def test_reuse_revokes_the_family(pair: TokenPair) -> None:
    tokens.rotate(pair.refresh_token)
    assert code_of(tokens.rotate, pair.refresh_token) == "token_reused"
    assert code_of(tokens.verify_access, pair.access_token) == "token_revoked"


def test_a_family_that_was_revoked_does_not_refresh(pair: TokenPair) -> None:
    tokens.revoke_family(tokens.verify_access(pair.access_token).family_id)
    assert code_of(tokens.rotate, pair.refresh_token) == "token_revoked"


def test_expired_refresh_tokens_are_forgotten(pair: TokenPair) -> None:
    claims = tokens.verify_access(pair.access_token)
    db.session.add(RefreshToken(id=uuid4(), family_id=claims.family_id, expires_at=now() - timedelta(days=2)))
    db.session.flush()
    assert tokens.forget(now() - timedelta(days=1)) == 1
    tokens.rotate(pair.refresh_token)


def test_a_login_is_forgotten_with_its_last_token(pair: TokenPair) -> None:
    family_id = tokens.verify_access(pair.access_token).family_id
    assert tokens.forget(now() + timedelta(days=400)) == 2
    assert db.session.get(TokenFamily, family_id) is None


@pytest.mark.parametrize("check", [tokens.verify_access, tokens.verify_refresh, tokens.rotate])
def test_nonsense(pair: TokenPair, check: Callable[[str], object]) -> None:
    for token in ("", "a", "a.b.c", "\u00e9", pair.access_token[:-4], pair.access_token + "x"):
        assert code_of(check, token) == "token_invalid"


def test_the_kinds_are_not_exchanged(pair: TokenPair) -> None:
    assert code_of(tokens.verify_access, pair.refresh_token) == "token_invalid"
    assert code_of(tokens.rotate, pair.access_token) == "token_invalid"


def test_expired(pair: TokenPair) -> None:
    claims = tokens.verify_access(pair.access_token)
    old = {"additional_claims": {"fam": str(claims.family_id)}, "expires_delta": timedelta(seconds=-1)}
    assert code_of(tokens.verify_access, create_access_token(str(claims.user_id), **old)) == "token_expired"
    assert code_of(tokens.rotate, create_refresh_token(str(claims.user_id), **old)) == "token_expired"


def test_a_token_without_our_claims(pair: TokenPair) -> None:
    claims = tokens.verify_access(pair.access_token)
    assert code_of(tokens.verify_access, create_access_token(str(claims.user_id))) == "token_invalid"
    assert code_of(tokens.verify_access, create_access_token("no-uuid", additional_claims={"fam": "x"})) == "token_invalid"


def test_a_token_of_another_installation(pair: TokenPair) -> None:
    payload = jwt.decode(pair.access_token, options={"verify_signature": False})
    assert code_of(tokens.verify_access, jwt.encode(payload, b"another secret of thirty-two bytes", "HS256")) == "token_invalid"
    secret = keystore.master.derive("jwt")
    assert tokens.verify_access(jwt.encode(payload, secret, "HS256"))
    assert code_of(tokens.verify_access, jwt.encode({**payload, "iss": "other"}, secret, "HS256")) == "token_invalid"
    assert code_of(tokens.verify_access, jwt.encode(payload, None, "none")) == "token_invalid"


def test_of_somebody_who_is_gone(pair: TokenPair) -> None:
    db.session.execute(sa.delete(User))
    db.session.commit()
    assert code_of(tokens.verify_access, pair.access_token) == "token_revoked"
    assert code_of(tokens.rotate, pair.refresh_token) == "token_revoked"
