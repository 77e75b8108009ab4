"""The whole wiring, top to bottom. Connects to nothing: workers fork after it, and engines may start later."""

import gc

from flask import Flask
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from insight_journey import api, cli, help_lines, logs, models
from insight_journey.accounts import tokens
from insight_journey.accounts.keys import keystore
from insight_journey.crypto import Master
from insight_journey.extensions import db
from insight_journey.graph.client import Graph
from insight_journey.settings import Settings
from insight_journey.storage import make_storage

__all__ = ["create_app", "create_server_app", "models"]


def create_app(settings: Settings | None = None) -> Flask:
    """An app of these settings, or of the environment's."""
    settings = settings.resolved() if settings else Settings.from_env()
    logs.configure(settings.log_level)
    app = Flask(__name__)
    app.extensions["settings"] = settings
    app.extensions["help_lines"] = help_lines.load(settings.help_lines)
    app.extensions["redis"] = make_redis(settings)
    app.extensions["graph"] = Graph(settings)
    app.extensions["storage"] = make_storage(settings)
    db.init_app(app, settings.database_url)
    keystore.init_app(app, settings.keystore_url, Master.load(settings))
    tokens.init_app(app, settings)
    api.init_app(app, settings)
    cli.init_app(app)
    return app


def create_server_app() -> Flask:
    """The app of a process that answers until it ends: garbage is looked for among what requests leave, not in all that was imported."""
    app = create_app()
    gc.collect()
    gc.freeze()
    return app


def make_redis(settings: Settings) -> "Redis":
    """A lazy client. A Redis that is away is noticed at once: what it does can wait, a request should not."""
    url = settings.redis_url.get_secret_value() or f"unix://{settings.home}/no-redis.sock"  # none named, none started yet
    retry = Retry(ExponentialBackoff(cap=0.2, base=0.05), 2)
    return Redis.from_url(url, socket_connect_timeout=2, retry=retry)
