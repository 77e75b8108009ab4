"""Passwords: argon2id, and which ones are refused."""

import functools
import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from insight_journey.errors import Invalid

SHORTEST, LONGEST = 8, 128
SIDE_BY_SIDE = 4  # each hash takes 64 MiB: a flood of logins must not take the memory

# The commonest of at least 8 characters in published lists of leaked passwords.
COMMON = frozenset(
    """12345678 123456789 1234567890 12345678910 123123123 987654321 0987654321 11111111 111111111 1111111111 00000000
    0000000000 88888888 99999999 66666666 77777777 87654321 12341234 11223344 112233445566 123454321 147258369 123654789
    123321123 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 q1w2e3r4 q1w2e3r4t5 zaq12wsx qwertyui qwertyuiop qwerty12 qwerty123
    qwerty1234 qwerty12345 qwertyqwerty qwer1234 asdfghjk asdfghjkl asdf1234 asdfasdf zxcvbnm1 zxcvbnm123 abcd1234 abcdefgh
    abc12345 abc123456 aa123456 a1234567 a12345678 a123456789 password password1 password12 password123 password1234
    password! passw0rd p@ssw0rd p@ssword pa$$word passwort passw0rd1 mypassword letmein1 letmein123 welcome1 welcome123
    iloveyou iloveyou1 iloveyou2 sunshine sunshine1 princess princess1 football football1 baseball baseball1 superman
    superman1 batman123 starwars pokemon1 trustno1 whatever computer internet michelle jennifer jonathan danielle samantha
    elizabeth victoria charlie1 jordan23 liverpool liverpool1 chelsea1 corvette mercedes midnight butterfly chocolate
    cocacola dragon123 monkey123 shadow123 master123 admin123 admin1234 administrator changeme changeme1 default1 secret123
    test1234 testtest login123 user1234 google123 facebook samsung1 lovely123 hello123 helloworld freedom1 blink182
    november september december february insightjourney""".split()  # noqa: SIM905 - a wall of quotes reads worse
)

_hasher = PasswordHasher()
_slots = threading.BoundedSemaphore(SIDE_BY_SIDE)


def check_password(password: str, email: str) -> None:
    """Refuse a password that others would try first. Raises Invalid naming the field."""
    folded = _normal(password).casefold()
    if not SHORTEST <= len(password) <= LONGEST:
        raise _refused(f"Use {SHORTEST} to {LONGEST} characters.")
    if folded in (email.casefold(), email.casefold().partition("@")[0]):
        raise _refused("Use something other than your e-mail address.")
    if folded in COMMON or len(set(folded)) < 3:
        raise _refused("This is one of the passwords tried first; choose another.")


def hash_password(password: str) -> str:
    with _slots:
        return _hasher.hash(_normal(password))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password fits. Without a hash (nobody has that address) it costs the same and is False."""
    try:
        with _slots:
            return _hasher.verify(password_hash or _nobodys_hash(), _normal(password)) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)  # the same keys give the same password on every device


def _refused(sentence: str) -> Invalid:
    return Invalid("Choose another password.", code="weak_password", details={"password": [sentence]})


@functools.cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe())
