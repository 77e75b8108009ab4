"""The person herself."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

import marshmallow as ma
from flask.views import MethodView

from insight_journey import help_lines
from insight_journey.accounts import service
from insight_journey.accounts.models import User
from insight_journey.api.auth import current_user
from insight_journey.api.envelope import Blueprint, check_etag, etag
from insight_journey.api.fields import Line
from insight_journey.api.refusals import refuses
from insight_journey.extensions import db
from insight_journey.sessions import relay

blp = Blueprint("users", __name__, url_prefix="/users", description="The person and her settings")

LARGEST_BUDGET_USD = 100_000
EDITABLE = ("display_name", "country", "timezone", "external_processing_consent", "monthly_budget_usd")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def known_zone(name: str) -> None:
    if name not in _zones():
        raise ma.ValidationError("Must be a time zone of the IANA database, such as Europe/Berlin.")


def known_country(code: str) -> None:
    if code not in help_lines.countries():
        raise ma.ValidationError("Must be a country code of ISO 3166-1 in capitals, such as DE.")


def country_field(**options: Any) -> ma.fields.String:
    """A country, or null; it decides which help lines are shown."""
    about = {"description": "ISO 3166-1 alpha-2; decides which help lines are shown", "pattern": "^[A-Z]{2}$"}
    return ma.fields.String(validate=known_country, allow_none=True, metadata=about, **options)


class UserSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    account_id = ma.fields.UUID(required=True)
    role = ma.fields.String(required=True, metadata={"enum": ["owner", "practitioner", "member"]})
    email = ma.fields.String(required=True, metadata={"format": "email"})
    display_name = ma.fields.String(required=True)
    country = country_field(required=True)
    timezone = ma.fields.String(required=True)
    external_processing_consent = ma.fields.Boolean(
        required=True, metadata={"description": "Whether what she says may go to outside models"}
    )
    consented_at = ma.fields.DateTime(required=True, allow_none=True)
    monthly_budget_usd = ma.fields.Float(required=True, metadata={"description": "Most that outside models may cost her a month"})
    created_at = ma.fields.DateTime(required=True)


class UserChanges(ma.Schema):
    display_name = Line(100)
    country = country_field()
    timezone = ma.fields.String(validate=known_zone)
    external_processing_consent = ma.fields.Boolean(truthy={True}, falsy={False})
    monthly_budget_usd = ma.fields.Float(validate=ma.validate.Range(0, LARGEST_BUDGET_USD))


def view(user: User) -> dict[str, Any]:
    """A user as UserSchema shows her."""
    profile = service.profile_of(user)
    return {
        **{name: getattr(user, name) for name in ("id", "account_id", "role", "timezone", "monthly_budget_usd", "created_at")},
        "email": profile.email,
        "display_name": profile.display_name,
        "country": profile.country,
        "external_processing_consent": user.consented_at is not None,
        "consented_at": user.consented_at,
    }


@blp.route("/me")
class Me(MethodView):
    @blp.response(200, UserSchema)
    def get(self) -> Any:
        """Show yourself. The ETag is for If-Match."""
        user = current_user()
        return view(user), etag(user.version)

    @refuses(409, "changed_meanwhile")
    @refuses(412, "precondition_failed")
    @blp.arguments(UserChanges, required=False)
    @blp.response(200, UserSchema)
    def patch(self, changes: dict[str, Any]) -> Any:
        """Change your settings. With If-Match, only the version you have seen."""
        user = current_user()
        check_etag(user.version)
        service.change(user, changes)
        if "timezone" in changes:  # the graph knows the day of each session
            relay.mark_sessions_stale(user.id)
        db.session.commit()
        return view(user), etag(user.version)
