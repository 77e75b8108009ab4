"""Who is asking. Every route of our blueprints asks for an access token unless it is marked `@public`."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, g, request

from insight_journey.accounts import tokens
from insight_journey.accounts.models import User
from insight_journey.errors import Unauthenticated

F = TypeVar("F", bound=Callable[..., Any])


def public(view: F) -> F:
    """Mark a view that anybody may call."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def current_user() -> User:
    """The person whose token came with this request. Raises Unauthenticated on a public route without one."""
    if "user" not in g:
        g.user, g.claims = tokens.authenticate(bearer_token())
    user: User = g.user
    return user


def bearer_token() -> str:
    """The token of the Authorization header. Raises Unauthenticated."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Sign in first: send an access token as `Authorization: Bearer ...`.")
    return token.strip()


def require_user() -> None:
    """Before each request of a blueprint: refuse whoever has no token that counts."""
    view = current_view()
    if view is not None and asks_for_user(view):
        current_user()


def asks_for_user(view: Callable[..., Any]) -> bool:
    return not getattr(view, "is_public", False) and request.blueprint is not None


def current_view() -> Callable[..., Any] | None:
    """The function that will answer; None for OPTIONS, which Flask answers by itself."""
    function = current_app.view_functions[request.endpoint or ""]
    owner = getattr(function, "view_class", None)
    if request.method == "OPTIONS" and not hasattr(owner, "options"):
        return None
    if owner is None:
        return function
    return getattr(owner, request.method.lower(), None) or getattr(owner, "get", None)
