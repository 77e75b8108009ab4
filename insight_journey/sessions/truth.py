"""What is true of a session now, read from SQL and its sealed analysis: what the graph has to say of it."""

from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.analysis.base import Analysis
from insight_journey.crypto import Key
from insight_journey.extensions import db
from insight_journey.graph.projection import SessionTruth
from insight_journey.sessions import documents, identity
from insight_journey.sessions.models import Session


def read_truth(key: Key, session: Session) -> SessionTruth:
    """Reads the active analysis. `key` is the user's. Raises Tampered, NotFound."""
    return read_truth_of(key, session, active_analysis(key, session))


def read_truth_of(key: Key, session: Session, analysis: Analysis | None) -> SessionTruth:
    """As above, of an analysis at hand, with what was decided about it."""
    keys = identity.element_keys(key, session.id, analysis) if analysis else {}
    return truth_of(session, analysis, keys)


def active_analysis(key: Key, session: Session) -> Analysis | None:
    """None before the first one. Raises Tampered, NotFound."""
    if session.analysis_id is None:
        return None
    return documents.read_analysis(keystore.session(key, session.id), session.analysis_id)


def truth_of(session: Session, analysis: Analysis | None, element_keys: identity.ElementKeys) -> SessionTruth:
    """A session's row with what its analysis found."""
    user = db.session.get_one(User, session.user_id)
    return SessionTruth(
        user_id=user.id,
        session_id=session.id,
        occurred_at=session.occurred_at,
        day=session.occurred_at.astimezone(user.zone).date().isoformat(),
        version=session.version,
        analysis=analysis,
        element_keys=element_keys,
    )
