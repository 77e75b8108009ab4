"""Account, User, token families and refresh tokens."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from insight_journey.extensions import Model, new_id, now


class Account(Model):
    """The tenant: one person's space, or a practice. Never owns what a person said."""

    __tablename__ = "accounts"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    plan: Mapped[str] = mapped_column(sa.String(32), default="free")
    created_at: Mapped[datetime] = mapped_column(default=now)


class User(Model):
    """A person with a login. `sealed` holds her e-mail address, display name and country as JSON."""

    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    role: Mapped[str] = mapped_column(sa.String(16), default="owner")
    is_admin: Mapped[bool] = mapped_column(default=False)
    email_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    password_hash: Mapped[str] = mapped_column(sa.String(255))
    sealed: Mapped[bytes]
    version: Mapped[int] = mapped_column(default=1)
    timezone: Mapped[str] = mapped_column(sa.String(64), default="UTC")
    consented_at: Mapped[datetime | None]  # to outside models; None: nothing leaves this machine
    monthly_budget_usd: Mapped[float] = mapped_column(default=5.0)
    last_sequence: Mapped[int] = mapped_column(sa.BigInteger, default=0)  # of her events
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def zone(self) -> ZoneInfo:
        """Her time zone."""
        return ZoneInfo(self.timezone)


class TokenFamily(Model):
    """All tokens that come from one login. Revoking it ends them all, access tokens included."""

    __tablename__ = "token_families"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class RefreshToken(Model):
    """One refresh token; usable once."""

    __tablename__ = "refresh_tokens"
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the token's jti
    family_id: Mapped[UUID] = mapped_column(sa.ForeignKey("token_families.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]


class IdempotencyKey(Model):
    """A POST that a client may send again: who did it, with what, and the answer, under the user's key.

    Claimed before the work by `token`; `sealed` and `status` are written in the transaction of the work.
    """

    __tablename__ = "idempotency_keys"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    token: Mapped[UUID]
    claimed_at: Mapped[datetime] = mapped_column(default=now)
    status: Mapped[int | None]
    sealed: Mapped[bytes | None]
