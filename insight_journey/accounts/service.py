"""Registering, signing in, and what a person changes about herself. Services flush; the edge commits."""

import unicodedata
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from insight_journey.accounts import passwords, tokens
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import Account, User
from insight_journey.accounts.tokens import TokenPair
from insight_journey.crypto import Key
from insight_journey.errors import Conflict, Unauthenticated
from insight_journey.extensions import db, new_id, now

PURPOSE = "user"
SETTINGS = ("timezone", "monthly_budget_usd")
SEALED = ("display_name", "country")


@dataclass(frozen=True)
class Profile:
    """What is sealed about a person."""

    email: str
    display_name: str
    country: str | None = None  # ISO 3166-1 alpha-2


def normal_email(email: str) -> str:
    """The address as it is kept: trimmed, composed, its domain in lower case."""
    local, _, domain = unicodedata.normalize("NFC", email.strip()).rpartition("@")
    return f"{local}@{domain.casefold()}"


def email_hash(email: str) -> bytes:
    """What an address is looked up by; letter case makes no difference."""
    return keystore.master.lookup_hash("email", normal_email(email).casefold())


def register(email: str, password: str, display_name: str, country: str | None = None) -> tuple[User, TokenPair]:
    """A new account with its owner, signed in. Raises Invalid (weak_password) and Conflict (email_taken)."""
    email = normal_email(email)
    passwords.check_password(password, email)
    if find_by_email(email):
        raise _taken()
    password_hash = passwords.hash_password(password)
    user_id = new_id()
    key = keystore.create_user(user_id)
    try:
        user = _add_user(key, Profile(email, display_name, country), id=user_id, password_hash=password_hash)
        return user, tokens.begin_family(user_id)
    except BaseException as error:
        keystore.destroy_user(user_id)
        if isinstance(error, sa.exc.IntegrityError):
            raise _taken() from None
        raise


def _add_user(key: Key, profile: Profile, **columns: Any) -> User:
    account = Account()
    db.session.add(account)
    db.session.flush()
    user = User(account_id=account.id, email_hash=email_hash(profile.email), sealed=b"", version=1, **columns)
    user.sealed = _seal(key, user, profile, 1)
    db.session.add(user)
    db.session.flush()
    return user


def _taken() -> Conflict:
    return Conflict("Somebody has registered with this e-mail address.", code="email_taken", details={"email": ["Taken."]})


def find_by_email(email: str) -> User | None:
    return db.session.scalar(sa.select(User).where(User.email_hash == email_hash(email)))


def login(email: str, password: str) -> TokenPair:
    """Tokens for who knows the password. Raises Unauthenticated; an unknown address looks and costs the same."""
    user = find_by_email(email)
    if not passwords.verify_password(user.password_hash if user else None, password) or user is None:
        raise Unauthenticated("The e-mail address or the password is not right.", code="wrong_credentials")
    if passwords.is_outdated(user.password_hash):
        user.password_hash = passwords.hash_password(password)
    return tokens.begin_family(user.id)


def profile_of(user: User) -> Profile:
    """What is sealed in the user's row."""
    return Profile(**keystore.user(user.id).open_json(PURPOSE, user.id, user.version, user.sealed))


def change(user: User, changes: dict[str, Any]) -> None:
    """Change display_name, country, timezone, external_processing_consent, monthly_budget_usd: those that are given.

    Raises Conflict where somebody changed the row since `user` was read.
    """
    if not changes:
        return
    before, after = user.version, user.version + 1
    profile = profile_of(user)
    profile = replace(profile, **{name: changes[name] for name in SEALED if name in changes})
    columns: dict[str, Any] = {name: changes[name] for name in SETTINGS if name in changes}
    if "external_processing_consent" in changes:
        columns["consented_at"] = (user.consented_at or now()) if changes["external_processing_consent"] else None
    columns |= {"version": after, "sealed": _seal(keystore.user(user.id), user, profile, after)}
    update = sa.update(User).where(User.id == user.id, User.version == before).values(**columns)
    if not db.session.execute(update, execution_options={"synchronize_session": False}).rowcount:  # type: ignore[attr-defined]
        raise Conflict("Your settings changed at the same moment; read them again.", code="changed_meanwhile")
    db.session.refresh(user)


def _seal(key: Key, user: User, profile: Profile, version: int) -> bytes:
    return key.seal_json(PURPOSE, user.id, version, asdict(profile))
