"""Registering, signing in and out."""

from typing import Any

import marshmallow as ma
from flask import request
from flask.views import MethodView

from insight_journey.accounts import passwords, service, tokens
from insight_journey.api import limits
from insight_journey.api.auth import bearer_token, public
from insight_journey.api.envelope import Blueprint
from insight_journey.api.fields import Line
from insight_journey.api.refusals import refuses
from insight_journey.api.users import UserSchema, country_field, view
from insight_journey.errors import Unauthenticated
from insight_journey.extensions import db

blp = Blueprint("auth", __name__, url_prefix="/auth", description="Registering, signing in and out")

LONGEST_EMAIL = 254


class CredentialsSchema(ma.Schema):
    email = ma.fields.Email(required=True, validate=ma.validate.Length(max=LONGEST_EMAIL))
    password = ma.fields.String(
        required=True, load_only=True, validate=ma.validate.Length(1, passwords.LONGEST), metadata={"format": "password"}
    )

    @ma.pre_load
    def trim(self, data: Any, **_: Any) -> Any:
        email = data.get("email") if hasattr(data, "get") else None
        return {**data, "email": email.strip()} if isinstance(email, str) else data


class RegistrationSchema(CredentialsSchema):
    password = ma.fields.String(
        required=True,
        load_only=True,
        validate=ma.validate.Length(passwords.SHORTEST, passwords.LONGEST),
        metadata={"format": "password"},
    )
    display_name = Line(100, required=True)
    country = country_field()


class RefreshSchema(ma.Schema):
    refresh_token = ma.fields.String(load_only=True, validate=ma.validate.Length(1, 4096))


class TokensSchema(ma.Schema):
    access_token = ma.fields.String(required=True)
    refresh_token = ma.fields.String(required=True, metadata={"description": "Counts once"})
    expires_in = ma.fields.Integer(required=True, metadata={"description": "Seconds the access token counts"})
    token_type = ma.fields.String(required=True, metadata={"enum": ["Bearer"]})


class RegisteredSchema(TokensSchema):
    user = ma.fields.Nested(UserSchema, required=True)


@blp.route("/register")
class Register(MethodView):
    @public
    @limits.counted_as(limits.AUTH)
    @refuses(409, "email_taken")
    @refuses(422, "weak_password")
    @refuses(503, "limits_unavailable")
    @blp.arguments(RegistrationSchema)
    @blp.response(201, RegisteredSchema)
    def post(self, data: dict[str, str]) -> dict[str, Any]:
        """Register: a new account and its owner, signed in."""
        user, pair = service.register(**data)
        answer = {"user": view(user), **vars(pair)}
        db.session.commit()
        return answer


@blp.route("/login")
class Login(MethodView):
    @public
    @limits.counted_as(limits.AUTH)
    @refuses(401, "wrong_credentials")
    @refuses(503, "limits_unavailable")
    @blp.arguments(CredentialsSchema)
    @blp.response(200, TokensSchema)
    def post(self, data: dict[str, str]) -> Any:
        """Sign in."""
        limits.count(limits.LOGIN, service.normal_email(data["email"]).casefold(), limits.address())
        pair = service.login(**data)
        db.session.commit()
        return pair


@blp.route("/refresh")
class Refresh(MethodView):
    @public
    @limits.counted_as(limits.AUTH)
    @refuses(401, "unauthenticated", "token_invalid", "token_expired", "token_revoked", "token_reused")
    @refuses(503, "limits_unavailable")
    @blp.arguments(RefreshSchema, required=False)
    @blp.response(200, TokensSchema)
    def post(self, data: dict[str, str]) -> Any:
        """Take new tokens for a refresh token.

        It comes as bearer or in the body, and counts once: used again, all tokens of its login end.
        """
        try:
            pair = tokens.rotate(data.get("refresh_token") or bearer_token())
        except Unauthenticated:
            db.session.commit()  # keeps the revocation that a used token brings
            raise
        db.session.commit()
        return pair


@blp.route("/logout")
class Logout(MethodView):
    @public
    @refuses(401, "unauthenticated", "token_invalid", "token_expired", "token_revoked")
    @blp.arguments(RefreshSchema, required=False)
    @blp.response(200)
    @blp.doc(security=[{"bearer": []}])
    def post(self, data: dict[str, str]) -> None:
        """Sign out: all tokens of this login end.

        Takes the access token as bearer, or the refresh token as bearer or in the body.
        """
        tokens.revoke_family(_claims(data.get("refresh_token")).family_id)
        db.session.commit()


def _claims(refresh_token: str | None) -> tokens.Claims:
    if refresh_token and "Authorization" not in request.headers:
        return tokens.verify_refresh(refresh_token)
    try:
        return tokens.verify_access(bearer_token())
    except Unauthenticated as error:
        if error.code != "token_invalid":
            raise
        return tokens.verify_refresh(bearer_token())
