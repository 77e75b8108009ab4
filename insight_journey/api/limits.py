"""Rate limits: how often who may ask what, from the one table in the settings, counted in Redis.

Whoever has signed in is counted as a person, all else by address, and guesses at one e-mail address from one address
apart. The counts are of whole seconds, minutes, hours or days of the clock, so that one round trip is enough. While
Redis is away everything is let through, and an alert is logged, except what could be guessing: that is refused.
"""

import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import redis
import structlog
from flask import Flask, Response, current_app, g, request
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.middleware.proxy_fix import ProxyFix

from insight_journey.accounts.keys import keystore
from insight_journey.api.auth import asks_for_user, current_user, current_view
from insight_journey.errors import QueueUnavailable, TooMany, Unauthenticated
from insight_journey.settings import Rate, Settings

F = TypeVar("F", bound=Callable[..., Any])

AUTH, LOGIN, PUBLIC, READ, WRITE, UPLOAD = "auth", "login", "public", "read", "write", "upload"
GUARDED = (AUTH, LOGIN)  # refused where they can't be counted
UNCOUNTED = ("healthz", "health.Live")  # asks nothing, and whoever probes may restart us
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
ANSWER_SECONDS = 0.5  # that Redis is waited for
PAUSE_SECONDS = 2.0  # before a Redis that was away is asked again

log = structlog.get_logger()


@dataclass(frozen=True)
class Count:
    """What is left of a rate: `reset` is the Unix time, in seconds, at which counting begins anew."""

    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        return dict(zip(HEADERS, (str(self.limit), str(self.remaining), str(self.reset)), strict=True))


class Counter:
    """Counts in Redis. One that is away is left alone for moments, so that not each request waits for it."""

    def __init__(self, pool: redis.ConnectionPool) -> None:
        options = {**pool.connection_kwargs, "socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
        again = Retry(NoBackoff(), 1)  # a kept connection may be from before a restart
        own = redis.ConnectionPool(connection_class=pool.connection_class, **{**options, "retry": again})
        self._redis = redis.Redis(connection_pool=own)
        self._away_until = 0.0

    def count(self, name: str, rate: Rate) -> Count | None:
        """One more of this name; None while Redis is away. `remaining` is -1 where it was one too many."""
        if time.monotonic() < self._away_until:
            return None
        window = int(time.time() // rate.seconds)
        key = f"ij:rate:{name}:{rate.seconds}:{window}"
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.set(key, 0, ex=rate.seconds + 1, nx=True)  # first: whatever is counted ends
                pipeline.incr(key)
                seen = int(pipeline.execute()[1])
        except redis.RedisError as error:
            self._away_until = time.monotonic() + PAUSE_SECONDS
            log.error("rate_limits_off", alert=True, error=type(error).__name__)
            return None
        return Count(rate.count, max(rate.count - seen, -1), (window + 1) * rate.seconds)


def init_app(app: Flask, settings: Settings) -> None:
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=0)  # type: ignore[method-assign]
    if settings.rates:
        app.extensions["counter"] = Counter(app.extensions["redis"].connection_pool)
        app.before_request(count_request)
        app.after_request(tell)


def counted_as(kind: str) -> Callable[[F], F]:
    """Count a view's requests as `kind` instead of by method."""

    def mark(view: F) -> F:
        view.counted_as = kind  # type: ignore[attr-defined]
        return view

    return mark


def count_request() -> None:
    """Before each request. Raises TooMany, or QueueUnavailable for what is guarded; also Unauthenticated, counted by address."""
    if request.method == "OPTIONS" or request.endpoint in UNCOUNTED:
        return
    view = current_view() if request.endpoint else None
    if view is None or not asks_for_user(view):
        count(getattr(view, "counted_as", PUBLIC), address())
        return
    try:
        user = current_user()
    except Unauthenticated:
        count(PUBLIC, address())
        raise
    usual = READ if request.method in ("GET", "HEAD") else WRITE
    count(getattr(view, "counted_as", usual), str(user.id))


def count(kind: str, *whom: str) -> None:
    """One more of this kind by whom: hashed, for addresses are nobody else's business. Raises TooMany and QueueUnavailable."""
    rate = current_app.extensions["settings"].rates.get(kind)
    if rate is None:
        return
    name = f"{kind}:{keystore.master.lookup_hash('rate', ' '.join(whom))[:16].hex()}"
    found = current_app.extensions["counter"].count(name, rate)
    if found is None:
        if kind in GUARDED:
            raise QueueUnavailable("Signing in has to wait for a moment; try again soon.", code="limits_unavailable")
        return
    if found.remaining < getattr(g, "rate", found).remaining or "rate" not in g:
        g.rate = found
    if found.remaining < 0:
        raise TooMany("Too many requests; wait a little.", retry_after=math.ceil(found.reset - time.time()))


def tell(response: Response) -> Response:
    """After each request: the headers of what is nearest to its limit."""
    if "rate" in g:
        shown = cast(Count, g.rate)
        response.headers.update({**shown.headers, HEADERS[1]: str(max(shown.remaining, 0))})
    return response


def address() -> str:
    """Who asks, as far as the network tells; of IPv6 the network, for a household has as many addresses as it likes."""
    try:
        found = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
