"""The grown setting, as far as it can be checked without an engine of containers: what its files name must exist and be meant so."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from insight_journey.cli import COMMANDS
from insight_journey.cli.alive import PARTS
from insight_journey.cli.run import run
from insight_journey.settings import Settings
from tests.conftest import small_settings
from tests.engines import GraphEngine
from tests.stack import Stack, environment

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SECRETS = {"IJ_DATABASE_URL", "IJ_KEYSTORE_URL", "IJ_GRAPH_PASSWORD", "IJ_REDIS_URL", "IJ_MASTER_KEY"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_all_parts_are_there() -> None:
    assert {"api", "sockets", "worker-media", "worker-analysis", "search", "cron", "migrate"} == set(OURS)
    assert {"postgres", "keystore", "neo4j", "redis"} == set(SERVICES) - set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_our_commands_exist(name: str) -> None:
    command, *rest = OURS[name]["command"]
    assert command in COMMANDS and (command != "run" or rest[0] in run.commands)
    if check := OURS[name].get("healthcheck"):
        assert check["test"][:3] == ["CMD", "insight-journey", "alive"] and check["test"][3] in PARTS


@pytest.mark.parametrize("name", SERVICES)
def test_settings_exist_and_no_secret_stands_in_the_environment(name: str) -> None:
    given = SERVICES[name].get("environment", {})
    known = {f"IJ_{field.upper()}" for field in Settings.model_fields} | {"IJ_SECRETS_DIR"}
    assert {variable for variable in given if variable.startswith("IJ_")} <= known
    assert not SECRETS & given.keys()
    assert [variable for variable in given if re.search("PASSWORD|AUTH|KEY", variable) and not variable.endswith("_FILE")] == []


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_of_a_version_and_services_have_health_checks(name: str) -> None:
    assert re.search(r":(\d+\.\d+|local$)", SERVICES[name]["image"])
    assert "healthcheck" in SERVICES[name] or name == "migrate", "migrate ends"


def test_only_the_loopback_address_is_published() -> None:
    published = {name: port for name, service in SERVICES.items() for port in service.get("ports", [])}
    assert set(published) == {"api", "sockets"} and all(port.startswith("127.0.0.1:") for port in published.values())


def test_what_is_kept_is_in_named_volumes() -> None:
    mounted = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted == set(COMPOSE["volumes"])


def test_secrets_are_made_for_the_owner_alone_and_read(tmp_path: Path) -> None:
    made = tmp_path / "secrets"
    for _ in range(2):  # what is there is kept
        subprocess.run([ROOT / "scripts" / "make-secrets", made], check=True)
        before = {path.name: path.read_text() for path in made.iterdir()}
    assert before == {path.name: path.read_text() for path in made.iterdir()}
    assert set(before) == set(COMPOSE["secrets"]) and made.stat().st_mode & 0o777 == 0o700
    settings = Settings(_secrets_dir=made)  # type: ignore[call-arg]
    assert settings.master_key.get_secret_value() == before["IJ_MASTER_KEY"]
    assert settings.graph_password.get_secret_value() == before["neo4j_auth"].removeprefix("neo4j/")
    assert before["postgres_password"] in settings.database_url and before["redis_password"] in settings.redis_url.get_secret_value()
    assert {f"secrets/{name}" for name in before} == {secret["file"] for secret in COMPOSE["secrets"].values()}


def test_sockets_leave_threads_for_requests() -> None:
    given = OURS["sockets"]["environment"]
    assert int(given["IJ_HTTP_THREADS"]) > int(given["IJ_MAX_SOCKETS"])


def test_the_image_is_made_as_the_readme_says() -> None:
    steps = re.findall(r"^RUN (.*)", DOCKERFILE, re.M)
    assert steps[0] == "scripts/install tiny" and "scripts/install" in (ROOT / "README.md").read_text()
    extra = (ROOT / "setup.cfg").read_text()
    assert re.search(r"^tiny =$", extra, re.M)
    assert re.search(r"^USER journey$", DOCKERFILE, re.M) and "apt-get" not in DOCKERFILE
    assert {image.partition("@")[0] for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)} == {"python:3.11-slim-bookworm"}


def test_what_the_image_needs_is_not_ignored() -> None:
    kept = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"insight_journey", "scripts/install", "setup.cfg", "pyproject.toml", "requirements.lock", "README.md"} <= kept
    assert all((ROOT / name).exists() for name in kept)


def test_migrate_makes_the_tables(tmp_path: Path, own_redis_url: str, graph_engine: GraphEngine) -> None:
    settings = small_settings(tmp_path, f"sqlite:///{tmp_path / 'new.sqlite'}", own_redis_url, graph_engine)
    for _ in range(2):  # again: nothing to do
        done = _command(settings, "migrate")
        assert done.returncode == 0, done.stderr
    assert b"alembic_version" in (tmp_path / "new.sqlite").read_bytes()


def test_parts_are_alive(stack: Stack) -> None:
    for part in PARTS:
        done = _command(stack.settings, "alive", part)
        assert done.returncode == 0, (part, done.stderr)


def test_parts_that_do_not_run_are_not_alive(settings: Settings) -> None:
    for part in PARTS:
        assert _command(settings, "alive", part).returncode == 1


def _command(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "insight_journey.cli", *arguments]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True)
