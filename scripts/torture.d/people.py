"""What people do meanwhile: hand in, read, run again, delete. Each request is tried until it is answered."""

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.media import REFLECTION as RECORDING
from tests.stack import Person

PAUSE = 0.3
PATIENCE_SECONDS = 180  # for an answer while parts come back
ACTIONS = (("hand_in", 5), ("read", 6), ("run_again", 1), ("delete", 1))
THEMES = (
    "I have been feeling really anxious about my new job. I'm not good enough. I will call my sister on Sunday.",
    "I feel sad and lonely since the move. I struggle to fall asleep. I realised that I never ask for help.",
    "Today I am grateful and calm. I felt proud of how I spoke with my manager. I want to run twice a week.",
)
TEXTS = {f"text-{n}": "\n\n".join(f"Day {day}. {theme}" for day in range(5 + 10 * n)) for n, theme in enumerate(THEMES)}
AUDIO = "recording"
DOCUMENTS = (*TEXTS, AUDIO)


@dataclass
class Client:
    """A person at work: `kept` are her sessions by id, with the document each was made from."""

    person: Person
    random: random.Random
    most: int
    kept: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def work(self, stop: threading.Event) -> None:
        names, weights = zip(*ACTIONS, strict=True)
        while not stop.wait(self.random.uniform(0.1, 1.5)):
            action = getattr(self, self.random.choices(names, weights)[0])
            try:
                action()
            except Exception as error:  # noted and counted; the others go on
                self.errors.append(f"{action.__name__}: {type(error).__name__} {error}"[:300])

    def hand_in(self, document: str | None = None) -> None:
        if len(self.kept) >= self.most and document is None:
            return
        chosen = document or (AUDIO if self.random.random() < 0.15 else self.random.choice(list(TEXTS)))
        session_id = self._ask("POST", "/sessions", {201, 200}, json={"title": chosen}, key=str(uuid.uuid4())).json()["data"]["id"]
        path = f"/sessions/{session_id}"
        if chosen == AUDIO:
            self._ask("POST", f"{path}/content", {202, 409}, files={"file": ("a.ogg", RECORDING)})
        else:
            self._ask("POST", f"{path}/text", {202, 409}, json={"text": TEXTS[chosen]})
        self.kept[session_id] = chosen

    def hand_in_once(self, document: str) -> None:
        """One try; what is not taken is an error."""
        try:
            session_id = self.person.session(document)
            if document == AUDIO:
                self.person.post(f"/sessions/{session_id}/content", files={"file": ("a.ogg", RECORDING)})
            else:
                self.person.post(f"/sessions/{session_id}/text", {"text": TEXTS[document]})
            self.kept[session_id] = document
        except (requests.RequestException, AssertionError, ValueError) as error:
            self.errors.append(f"hand in {document}: {error}"[:300])

    def delete_once(self, session_id: str) -> None:
        answer = self._try("DELETE", f"/sessions/{session_id}")
        self.errors += [] if answer is not None and answer.ok else [f"delete: {answer}"]
        del self.kept[session_id]

    def read(self) -> None:
        for path in ("", "/elements", "/transcript"):
            if self.kept:
                answer = self._try("GET", f"/sessions/{self.random.choice(list(self.kept))}{path}")
                if answer is not None and answer.status_code == 500:
                    self.errors.append(f"read{path}: 500")

    def run_again(self) -> None:
        if self.kept:
            self._ask("POST", f"/sessions/{self.random.choice(list(self.kept))}/runs", {202, 201, 409})

    def delete(self) -> None:
        if len(self.kept) > 2:
            session_id = self.random.choice(list(self.kept))
            self._ask("DELETE", f"/sessions/{session_id}", {200, 204, 404})
            del self.kept[session_id]

    def _ask(self, method: str, path: str, wanted: set[int], key: str | None = None, **arguments: Any) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._try(method, path, headers=headers, **arguments)
            if answer is not None and answer.status_code in wanted:
                return answer
            if answer is not None and answer.status_code == 409 and key:
                headers = {"Idempotency-Key": str(uuid.uuid4())}  # the first try died with its process: begin anew
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method}: {answer.status_code if answer is not None else 'no answer'}")
            time.sleep(PAUSE)

    def _try(self, method: str, path: str, **arguments: Any) -> requests.Response | None:
        try:
            return self.person.ask(method, path, **arguments)
        except requests.RequestException:
            return None


def at_work(clients: list[Client], meanwhile: Callable[[], int]) -> int:
    """Let all work while `meanwhile` runs; its answer."""
    stop = threading.Event()
    threads = [threading.Thread(target=client.work, args=(stop,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        return meanwhile()
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS + 30)
