"""Registering and what a person changes about herself."""

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Flask

from insight_journey.accounts import passwords, service, tokens
from insight_journey.accounts.keys import keystore, user_keys
from insight_journey.accounts.models import Account, User
from insight_journey.errors import Conflict, Invalid, NotFound, Tampered, Unauthenticated
from insight_journey.extensions import db

PASSWORD = "plum tree in the rain"


def keys() -> int:
    keystore.check()
    with keystore.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(user_keys)) or 0


def alice() -> User:
    user, _ = service.register("Alice@Example.COM ", PASSWORD, "Alice")
    db.session.commit()
    return user


def test_it_works(app: Flask) -> None:
    user = alice()
    assert service.profile_of(user) == service.Profile("Alice@example.com", "Alice")
    assert db.session.get(Account, user.account_id) is not None
    pair = service.login("alice@EXAMPLE.com", PASSWORD)
    assert tokens.verify_access(pair.access_token).user_id == user.id


def test_what_is_sealed_belongs_to_its_row_and_version(app: Flask) -> None:
    user = alice()
    before = user.sealed
    service.change(user, {"display_name": "Other"})
    db.session.commit()
    assert user.version == 2
    key = keystore.user(user.id)
    with pytest.raises(Tampered):
        key.open_json(service.PURPOSE, user.id, user.version, before)
    assert key.open_json(service.PURPOSE, user.id, 1, before)["display_name"] == "Alice"


def test_a_composed_and_a_decomposed_address_are_one(app: Flask) -> None:
    assert service.email_hash("jos\u00e9@example.com") == service.email_hash(" jose\u0301@EXAMPLE.com")


def test_a_taken_address_leaves_no_key_behind(app: Flask) -> None:
    alice()
    with pytest.raises(Conflict):
        service.register("alice@example.com", PASSWORD, "Other")
    assert keys() == 1


def test_a_refused_row_leaves_no_key_behind(app: Flask) -> None:
    first = alice().id
    db.session.execute(sa.text("CREATE UNIQUE INDEX once ON users (role)"))  # any refusal of the database's
    db.session.commit()
    with pytest.raises(Conflict):
        service.register("bob@example.com", PASSWORD, "Bob")
    assert keys() == 1
    assert keystore.user(first)


def test_a_weak_password_makes_nothing(app: Flask) -> None:
    with pytest.raises(Invalid) as refused:
        service.register("alice@example.com", "password123", "Alice")
    assert refused.value.code == "weak_password"
    assert keys() == 0


def test_somebody_else_changed_it_meanwhile(app: Flask) -> None:
    user = alice()
    db.session.execute(sa.update(User).values(version=7), execution_options={"synchronize_session": False})
    with pytest.raises(Conflict):
        service.change(user, {"timezone": "Europe/Berlin"})


def test_without_the_key_nothing_is_known(app: Flask) -> None:
    user = alice()
    keystore.destroy_user(user.id)
    with pytest.raises(NotFound):
        service.profile_of(user)


def test_signing_in_needs_the_password(app: Flask) -> None:
    alice()
    for email, password in (("alice@example.com", "plum tree"), ("nobody@example.com", PASSWORD)):
        with pytest.raises(Unauthenticated) as refused:
            service.login(email, password)
        assert refused.value.code == "wrong_credentials"


def test_the_same_keys_on_another_keyboard(app: Flask) -> None:
    service.register("alice@example.com", "pflaumenb\u00e4ume", "Alice")
    assert service.login("alice@example.com", "pflaumenba\u0308ume")


def test_an_old_hash_is_renewed_at_the_next_login(app: Flask) -> None:
    user = alice()
    user.password_hash = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    db.session.commit()
    assert passwords.is_outdated(user.password_hash)
    service.login("alice@example.com", PASSWORD)
    assert not passwords.is_outdated(user.password_hash)


def test_hashes_are_argon2id(app: Flask) -> None:
    assert alice().password_hash.startswith("$argon2id$")
