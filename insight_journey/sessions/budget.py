"""Whether a person's words may leave this machine, and what that may cost her a month."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from insight_journey.accounts.models import User
from insight_journey.analysis.base import Usage
from insight_journey.extensions import Model, db, new_id, now
from insight_journey.settings import Settings

KEY_MISSING, CONSENT_MISSING, BUDGET_SPENT = "openai_key_missing", "consent_missing", "budget_spent"  # warnings of a run


class Spending(Model):
    """What outside models took for a person."""

    __tablename__ = "spendings"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost_usd: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=now)


def spent(user: User) -> float:
    """USD since the first of the month in the person's time zone."""
    first = now().astimezone(user.zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    query = sa.select(sa.func.sum(Spending.cost_usd)).where(Spending.user_id == user.id, Spending.created_at >= first)
    return db.session.scalar(query) or 0.0


def spend(user_id: UUID, usage: Usage) -> None:
    """Charge a person. Flushes nothing."""
    db.session.add(Spending(user_id=user_id, **asdict(usage)))


def choose_analyzer(settings: Settings, user: User) -> tuple[str, tuple[str, ...]]:
    """(name, warnings): `local` wherever words may not leave, saying why unless nobody asked for more."""
    if settings.analyzer == "local":
        return "local", ()
    reason = _reason_to_stay(settings, user)
    if reason is None:
        return "openai", ()
    return "local", () if settings.analyzer == "auto" and reason == KEY_MISSING else (reason,)


def choose_transcriber(settings: Settings, user: User) -> tuple[str, tuple[str, ...]]:
    """(name, warnings): `whisper` wherever sound may not leave, saying why."""
    if settings.transcriber == "whisper":
        return "whisper", ()
    reason = _reason_to_stay(settings, user)
    return ("openai", ()) if reason is None else ("whisper", (reason,))


def _reason_to_stay(settings: Settings, user: User) -> str | None:
    """Why nothing may go to an outside model; None where it may. Consent comes before all, then her budget."""
    if not settings.openai_api_key.get_secret_value():
        return KEY_MISSING
    if user.consented_at is None:
        return CONSENT_MISSING
    return BUDGET_SPENT if spent(user) >= user.monthly_budget_usd else None
