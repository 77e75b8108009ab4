"""The care flag of a session: whether she spoke of self-harm or crisis in it, and where. For herself alone.

In the database it is one sealed byte, there after every analysis and bound to it: nobody sees who has it.
"""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from insight_journey.accounts import service as accounts
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.crypto import Key
from insight_journey.extensions import db
from insight_journey.help_lines import HelpLine, HelpLines
from insight_journey.sessions.models import MomentText, Session

PURPOSE, MOMENT = "care", "moment"  # purposes of sealed values
NO, YES = b"\0", b"\1"


@dataclass(frozen=True)
class Offer:
    """The moments that a flag is about, in their order, and the help lines of the person's country."""

    moment_ids: list[UUID]
    help_lines: tuple[HelpLine, ...]


def seal(key: Key, analysis_id: UUID, *, flagged: bool) -> bytes:
    """The flag that an analysis sets, under the session's key; of one size whatever it says."""
    return key.seal(PURPOSE, analysis_id, 1, YES if flagged else NO)


def is_shown(user: User, key: Key, analysis_id: UUID | None, sealed: bytes | None) -> bool:
    """Whether this user sees a flag: who may see it is decided here and nowhere else. `key` is the session's, and knows its owner."""
    if key.owner != user.id or analysis_id is None or sealed is None:
        return False
    return key.open(PURPOSE, analysis_id, 1, sealed) == YES


def offer(user: User, session: Session) -> Offer:
    """What is shown with a flag that is shown."""
    key = keystore.session(keystore.user(user.id), session.id)
    lines: HelpLines = current_app.extensions["help_lines"]
    return Offer(_flagged(key, session), lines.of(accounts.profile_of(user).country))


def _flagged(key: Key, session: Session) -> list[UUID]:
    rows = db.session.scalars(sa.select(MomentText).where(MomentText.session_id == session.id).order_by(MomentText.position))
    return [row.id for row in rows if key.open_json(MOMENT, row.id, row.version, row.sealed).get("care")]
