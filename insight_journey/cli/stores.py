"""What must be right before a part starts to write: the master key, and a database that this release knows."""

from sqlalchemy.exc import SQLAlchemyError

from insight_journey.accounts.keys import KeyStore
from insight_journey.crypto import KEY_FILE, Master
from insight_journey.database import refuse_newer
from insight_journey.errors import EngineError, Tampered
from insight_journey.settings import Settings


def check_stores(settings: Settings) -> None:
    """Raises Tampered (`wrong_master_key`), Conflict (`database_newer`) or EngineError (`database_unavailable`)."""
    try:
        refuse_newer(settings)
        _check_master(settings)
    except SQLAlchemyError as error:
        raise EngineError(
            f"The database or the key store can't be reached ({type(error).__name__}): are they there?", code="database_unavailable"
        ) from error


def _check_master(settings: Settings) -> None:
    file = settings.home / KEY_FILE
    is_new = not settings.master_key.get_secret_value() and not file.exists()
    keys = KeyStore()
    keys.init_app(None, settings.keystore_url, Master.load(settings))
    try:
        keys.check()
    except Tampered:
        if is_new:  # the right one is missing; nobody should take this one for it
            file.unlink(missing_ok=True)
        raise
    finally:
        keys.engine.dispose()
