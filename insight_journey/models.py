"""Imports every module that declares tables, so that the metadata is whole. For app.py and migrations only."""

from insight_journey import events
from insight_journey.accounts import models as accounts
from insight_journey.sessions import budget
from insight_journey.sessions import models as sessions

__all__ = ["accounts", "budget", "events", "sessions"]
