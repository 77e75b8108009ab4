"""Every setting of the product, once. The only module that reads the environment.

Each field is `IJ_<NAME>` in the environment, or a file of that name in the folder `IJ_SECRETS_DIR` (for secrets
mounted as files). What neither gives comes, for the embedded engines, from `engines.json` under `IJ_HOME`, written by
`insight-journey up`. All problems are reported together.
"""

import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from insight_journey.errors import Invalid

ENGINES_FILE = "engines.json"

RATE_KINDS = ("auth", "login", "public", "read", "write", "upload")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
RATE = re.compile(r"(\w+)\s*=\s*(\d{1,9})\s*/\s*(\w+)", re.ASCII)


@dataclass(frozen=True)
class Rate:
    """How many requests, at least one, in how many seconds."""

    count: int
    seconds: int


def parse_rates(text: str) -> dict[str, Rate]:
    """Rates by kind, from `kind=count/unit;...`; empty for none. Raises ValueError naming every problem."""
    rates: dict[str, Rate] = {}
    problems: list[str] = []
    for part in filter(None, map(str.strip, text.split(";"))):
        found = RATE.fullmatch(part)
        kind, count, unit = found.groups() if found else ("", "", "")
        if not found:
            problems.append(f"`{part}` is not of the form kind=count/unit")
        elif kind not in RATE_KINDS:
            problems.append(f"`{kind}` is none of {', '.join(RATE_KINDS)}")
        elif kind in rates:
            problems.append(f"`{kind}` is there twice")
        elif unit not in SECONDS:
            problems.append(f"`{unit}` is none of {', '.join(SECONDS)}")
        elif not int(count):
            problems.append(f"`{kind}` would let nothing through")
        else:
            rates[kind] = Rate(int(count), SECONDS[unit])
    if problems:
        raise ValueError("; ".join(problems))
    return rates


class Settings(BaseSettings):
    """All settings. Immutable; made once at the edge and handed down."""

    model_config = SettingsConfigDict(env_prefix="IJ_", frozen=True, extra="ignore", hide_input_in_errors=True)

    home: Path = Field(Path("~/.insight-journey"), description="Folder of everything that is kept")
    host: str = Field("127.0.0.1", description="Address that HTTP listens on")
    port: int = Field(5000, ge=1, le=65535, description="Port that HTTP listens on")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe line that is logged")

    database_url: str = Field("", description="SQLAlchemy URL; default: SQLite under the home")
    keystore_url: str = Field("", description="SQLAlchemy URL of the key store; default: a SQLite file of its own under the home")
    storage_dir: Path | None = Field(None, description="Folder of sealed media and artifacts; default: under the home")
    graph_url: str = Field("", description="Bolt URL of Neo4j 5; default: the embedded graph")
    graph_user: str = Field("neo4j", description="User of the graph")
    graph_password: SecretStr = Field(SecretStr(""), description="Password of the graph")
    graph_database: str = Field("neo4j", description="Database name in the graph")
    redis_url: SecretStr = Field(SecretStr(""), description="Redis URL; default: the embedded redis-server")

    master_key: SecretStr = Field(
        SecretStr(""), description="Base64 of 32 bytes; default: a 0600 file made at the first start. Lose it and all content is lost"
    )
    old_master_keys: SecretStr = Field(SecretStr(""), description="Earlier master keys, comma-separated, still accepted for reading")
    access_token_minutes: int = Field(15, ge=1, le=1440, description="Life of an access token")
    refresh_token_days: int = Field(30, ge=1, le=365, description="Life of a refresh token")
    cors_origins: str = Field("", description="Origins allowed to call from a browser, comma-separated; none by default")
    rate_limits: str = Field(
        "auth=120/minute;login=10/minute;public=300/minute;read=1200/minute;write=600/minute;upload=600/hour",
        description="Requests let through, by kind: see [docs/api.md](docs/api.md#rate-limits); empty: no limits",
    )
    proxies: int = Field(0, ge=0, le=10, description="Reverse proxies in front whose `X-Forwarded-For` is believed; 0: none")
    max_sockets: int = Field(192, ge=1, description="Open Socket.IO connections a process holds; further ones are refused")
    http_threads: int = Field(256, ge=2, description="Request threads of the API process; each open socket takes one")

    upload_limit_mb: int = Field(2048, ge=1, description="Largest recording, in MiB")
    text_limit_kb: int = Field(4096, ge=1, description="Largest text, in KiB")
    open_runs: int = Field(200, ge=1, description="Runs of one account that may wait or be at work; further uploads are refused")
    free_disk_mb: int = Field(200, ge=0, description="Uploads are refused when they would leave less than this free, in MiB")
    media_limit_minutes: int = Field(240, ge=1, description="Longest recording, in minutes")

    transcriber: Literal["whisper", "openai"] = Field("whisper", description="Engine that transcribes")
    whisper_model: str = Field("auto", description="Model name, folder, or `auto`: the installed tiny.en, else `base`")
    whisper_threads: int = Field(2, ge=1, description="Threads of one transcription")
    analyzer: Literal["auto", "local", "openai"] = Field("auto", description="`auto`: openai with a key, consent and budget; else local")
    encoder_model: Path | None = Field(None, description="File of the text encoder; default: that of the installed package")
    openai_api_key: SecretStr = Field(SecretStr(""), description="Key of an OpenAI-compatible API")
    openai_base_url: str = Field("https://api.openai.com/v1", description="Address of an OpenAI-compatible API")
    openai_model: str = Field("gpt-4o-mini", description="Model that analyzes")
    openai_transcription_model: str = Field("whisper-1", description="Model that transcribes")
    openai_timeout_seconds: float = Field(120, gt=0, description="Longest wait for one answer of the API")
    openai_parallel: int = Field(4, ge=1, le=32, description="Windows of one transcript asked at the same time")
    openai_input_price: float = Field(0.15, ge=0, description="USD a million input tokens")
    openai_output_price: float = Field(0.60, ge=0, description="USD a million output tokens")
    openai_transcription_price: float = Field(0.006, ge=0, description="USD a minute of sound")

    help_lines: Path | None = Field(
        None, description="Own list of help lines in place of ours: see [docs/safety.md](docs/safety.md#help-lines)"
    )
    search_memory_mb: int = Field(512, ge=1, description="What the search process keeps of people's vectors in memory, in MiB")
    search_idle_seconds: int = Field(900, ge=1, description="How long it keeps those of a person who searches no more")

    media_workers: int = Field(1, ge=1, description="Processes that transcribe, started by `up`")
    analysis_workers: int = Field(1, ge=1, description="Processes that analyze and project, started by `up`")
    lease_seconds: int = Field(60, ge=2, description="How long a silent worker keeps its work before another may take it")
    attempts: int = Field(4, ge=1, le=10, description="Tries of a stage that fails for a passing reason")
    retry_seconds: float = Field(5, gt=0, description="First pause before such a try; doubles each time")
    slow_socket_seconds: int = Field(20, ge=1, description="How long a Socket.IO connection may take nothing before it is put out")
    event_days: int = Field(30, ge=1, description="How long events can be replayed")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, file_secret_settings

    @field_validator("rate_limits")
    @classmethod
    def check_rate_limits(cls, value: str) -> str:
        parse_rates(value)
        return value

    @property
    def rates(self) -> dict[str, Rate]:
        """The table of rate limits by kind."""
        return _rates(self.rate_limits)

    @classmethod
    def from_env(cls, **overrides: Any) -> "Settings":
        """Read the environment; keyword arguments win. Raises Invalid naming every bad variable at once."""
        try:
            settings = cls(_secrets_dir=os.environ.get("IJ_SECRETS_DIR"), **overrides)  # type: ignore[call-arg]
        except ValidationError as error:
            problems = [f"IJ_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
            raise Invalid("Bad settings: " + "; ".join(problems), code="bad_settings") from None
        return settings.resolved()

    def resolved(self) -> "Settings":
        """Fill what follows from the home folder: paths, and the addresses of embedded engines that have run."""
        home = self.home.expanduser().absolute()
        found = {k: v for k, v in read_engines(home).items() if not _is_set(getattr(self, k.split("_")[0] + "_url"))}
        return self.model_copy(
            update={
                "home": home,
                "database_url": self.database_url or f"sqlite:///{home / 'data' / 'insight.sqlite'}",
                "keystore_url": self.keystore_url or f"sqlite:///{home / 'keys' / 'keys.sqlite'}",
                "storage_dir": self.storage_dir or home / "storage",
                **{k: SecretStr(v) if k in ("graph_password", "redis_url") else v for k, v in found.items()},
            }
        )

    @property
    def embeds_graph(self) -> bool:
        """Whether nobody named a graph, so that `up` starts its own."""
        return not self.graph_url or self.graph_url == read_engines(self.home).get("graph_url")

    @property
    def embeds_redis(self) -> bool:
        """Whether nobody named a Redis, so that `up` starts its own."""
        url = self.redis_url.get_secret_value()
        return not url or url == read_engines(self.home).get("redis_url")


_rates = cache(parse_rates)


def read_engines(home: Path) -> dict[str, str]:
    """Addresses and passwords of the embedded engines: graph_url, graph_user, graph_password, graph_database, redis_url."""
    path = home / ENGINES_FILE
    return json.loads(path.read_text()) if path.exists() else {}


def _is_set(value: str | SecretStr) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
