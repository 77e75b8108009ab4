"""Which refusals an operation has, in the OpenAPI document: a client's developer sees statuses and codes where she looks.

What follows from an operation's shape (a token, a name in the path, a body) is added to all; `refuses` adds the rest.
"""

import functools
from collections.abc import Callable
from copy import deepcopy
from http import HTTPStatus
from typing import Any, TypeVar

V = TypeVar("V", bound=Callable[..., Any])
Refusals = dict[int, list[str]]

ANYWHERE: Refusals = {400: ["bad_request"], 429: ["rate_limited"], 503: ["unavailable"]}
WITH_TOKEN: Refusals = {401: ["unauthenticated", "token_invalid", "token_expired", "token_revoked"]}
WITH_NAME_IN_PATH: Refusals = {404: ["not_found"]}
WITH_JSON: Refusals = {400: ["malformed_json"], 413: ["too_large"], 415: ["unsupported_media_type"], 422: ["invalid"]}
WITH_QUERY: Refusals = {422: ["invalid"]}


def refuses(status: int, *codes: str) -> Callable[[V], V]:
    """Say that the view answers with this status and one of these codes."""

    def decorate(view: V) -> V:
        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        doc = deepcopy(getattr(view, "_apidoc", {}))
        doc.setdefault("refusals", {}).setdefault(status, []).extend(codes)
        wrapper._apidoc = doc  # type: ignore[attr-defined]
        return wrapper  # type: ignore[return-value]

    return decorate


def document(doc: dict[str, Any], is_public: bool, names_a_thing: bool) -> None:
    """Put all refusals of one operation into its documentation, as flask-smorest keeps it."""
    doc.get("response", {}).get("responses", {}).pop("422", None)  # webargs' own says less
    responses = doc.setdefault("manual_doc", {}).setdefault("responses", {})
    for status, codes in sorted(_all(doc, is_public, names_a_thing).items()):
        responses.setdefault(str(status), _response(status, codes))


def _all(doc: dict[str, Any], is_public: bool, names_a_thing: bool) -> Refusals:
    places = {parameter["in"] for parameter in doc.get("arguments", {}).get("parameters", [])}
    parts = [
        (ANYWHERE, True), (WITH_TOKEN, not is_public), (WITH_NAME_IN_PATH, names_a_thing), (WITH_JSON, "json" in places),
        (WITH_QUERY, "query" in places), (doc.get("refusals", {}), True),
    ]  # fmt: skip
    found: Refusals = {}
    for refusals in (refusals for refusals, holds in parts if holds):
        for status, codes in refusals.items():
            found.setdefault(status, []).extend(code for code in codes if code not in found.get(status, []))
    return found


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    named = ", ".join(f"`{code}`" for code in codes)
    schema = {"$ref": "#/components/schemas/ErrorAnswer"}
    return {"description": f"{HTTPStatus(status).phrase}: {named}", "content": {"application/json": {"schema": schema}}}
