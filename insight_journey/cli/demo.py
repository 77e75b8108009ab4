"""`insight-journey demo`: a recording becomes an evidence graph before your eyes, through the public API alone."""

import secrets
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import click
import requests
import socketio

from insight_journey.settings import Settings

START_SECONDS = 60
RUN_SECONDS = 300
WIDTH = 24
ORDER = ("emotion", "topic", "belief", "challenge", "insight", "action_item")


class DemoFailed(click.ClickException):
    """Why the demo did not come to its end."""


@click.command()
@click.option("--once", is_flag=True, help="Stop after printing what was found.")
def demo(once: bool) -> None:
    """Start everything, hand in two reflections of a demo person, and show what was found."""
    settings = Settings.from_env()
    port = settings.port if _is_free(settings.host, settings.port) else _free_port(settings.host)
    base = f"http://{settings.host}:{port}"
    click.echo("Starting the embedded engines, the API and the workers ...")
    process = subprocess.Popen([sys.executable, "-m", "insight_journey.cli", "up", "--quiet", "--port", str(port)])  # noqa: S603
    try:
        _wait_until_ready(process, base)
        _tell_story(base)
        click.echo(f"\nThe API page: {base}/docs   (this person's data is sealed under {settings.home})")
        if not once:
            click.echo("Everything stays up until Ctrl-C.")
            process.wait()
    except KeyboardInterrupt:
        click.echo("")
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=40)
    except subprocess.TimeoutExpired:
        process.kill()


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: "subprocess.Popen[bytes]", base: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    report: Any = "no answer"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoFailed(f"The engines did not start: `insight-journey up` ended with {process.returncode}.")
        try:
            report = requests.get(f"{base}/readyz", timeout=5).json()["data"]
            if report["status"] == "ok":
                return
        except (requests.RequestException, ValueError, KeyError):
            pass
        time.sleep(0.25)
    raise DemoFailed(f"Not ready after {START_SECONDS} s: {report}")


@dataclass
class Api:
    """A person's way in: base address and her token."""

    base: str
    token: str = ""

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = requests.request(method, f"{self.base}/api/v1{path}", headers=headers, timeout=60, **arguments)
        body = answer.json()
        if not body["success"]:
            raise DemoFailed(f"{method} {path}: {body['error']['message']} ({body['error']['code']})")
        return body["data"]


@dataclass
class Watch:
    """Progress of some sessions, as Socket.IO tells it."""

    titles: dict[str, str]
    shown: dict[str, tuple[str, float]] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    all_ended: threading.Event = field(default_factory=threading.Event)

    def listen(self, client: socketio.Client) -> None:
        client.on("run.progress", self.progress, namespace="/events")
        for kind in ("run.finished", "run.failed", "run.cancelled"):
            client.on(kind, lambda event, kind=kind: self.end(kind, event), namespace="/events")

    def progress(self, event: dict[str, Any]) -> None:
        if event["session_id"] in self.titles and event["session_id"] not in self.ended:
            self.show(event["session_id"], event["stage"], event["progress"])

    def end(self, kind: str, event: dict[str, Any]) -> None:
        if event["session_id"] in self.titles:
            self.ended[event["session_id"]] = kind
            self.show(event["session_id"], kind.removeprefix("run."), 1.0)
        if len(self.ended) == len(self.titles):
            self.all_ended.set()

    def show(self, session_id: str, stage: str, share: float) -> None:
        full = round(WIDTH * share)
        before = self.shown.get(session_id)
        if before is None or before[0] != stage or share - before[1] >= 0.1:
            self.shown[session_id] = (stage, share)
            bar = "█" * full + "░" * (WIDTH - full)
            click.echo(f"  {self.titles[session_id]:<22} {bar} {share:>4.0%}  {stage}")


def _tell_story(base: str) -> None:
    api = Api(base)
    address = f"demo-{secrets.token_hex(4)}@example.org"
    person = {"email": address, "password": secrets.token_urlsafe(18), "display_name": "Robin"}
    api.token = api.call("POST", "/auth/register", json=person)["access_token"]
    journey = api.call("POST", "/journeys", json={"name": "Demo"})
    sessions = {
        api.call("POST", "/sessions", json={"title": title, "journey_id": journey["id"]})["id"]: (title, name)
        for title, name in (("A spoken reflection", RECORDING), ("A written session", WRITING))
    }
    watch = Watch({session_id: title for session_id, (title, _) in sessions.items()})
    client = socketio.Client(reconnection=True)
    watch.listen(client)
    client.connect(base, auth={"token": api.token}, namespaces=["/events"], transports=["websocket"], wait_timeout=10)
    try:
        click.echo("\nUploading; progress comes over Socket.IO:")
        for session_id, (_, name) in sessions.items():
            _upload(api, session_id, name)
        if not watch.all_ended.wait(RUN_SECONDS):
            raise DemoFailed(f"The runs did not end within {RUN_SECONDS} s.")
    finally:
        client.disconnect()
    for session_id in sessions:
        _print_session(api, session_id)


RECORDING, WRITING = "reflection.ogg", "session.txt"


def _upload(api: Api, session_id: str, name: str) -> None:
    sample = resources.files("insight_journey.samples").joinpath(name)
    with sample.open("rb") as file:
        api.call("POST", f"/sessions/{session_id}/content", files={"file": (name, file)})


def _print_session(api: Api, session_id: str) -> None:
    session = api.call("GET", f"/sessions/{session_id}")
    run = session["latest_run"]
    if run["status"] != "finished":
        raise DemoFailed(f"{session['title']}: {run['status']}: {(run['error'] or {}).get('message', 'no reason given')}")
    click.secho(f"\n{session['title']}", bold=True)
    moments = api.call("GET", f"/sessions/{session_id}/moments?page_size=200")["results"]
    for moment in moments:
        if moment["elements"]:
            _print_moment(moment)
    kinds = {element["kind"] for moment in moments for element in moment["elements"]}
    click.echo(f"  = {len(moments)} moments, elements of {len(kinds)} kinds: {', '.join(k for k in ORDER if k in kinds)}")
    if len(kinds) < 5 and session["media"]["kind"] != "text":
        raise DemoFailed(f"Elements of only {len(kinds)} kinds were found in the recording.")


def _print_moment(moment: dict[str, Any]) -> None:
    speaker = f" {moment['speaker']}" if moment["speaker"] else ""
    click.echo(f"  [{_clock(moment['start'])}]{speaker} {moment['text']}")
    for element in sorted(moment["elements"], key=lambda e: (ORDER.index(e["kind"]), e["quote_start"])):
        name = element["text"] or element["name"]
        click.echo(f"      {element['kind']:<11} {name}   “{element['quote']}” at {_clock(element['start'])}")


def _clock(seconds: float | None) -> str:
    return "--:--" if seconds is None else f"{int(seconds) // 60:02d}:{seconds % 60:04.1f}"
