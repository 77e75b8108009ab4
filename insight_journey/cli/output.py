"""The output of many processes in one terminal: every line says whose it is."""

import sys
from collections import deque
from contextlib import suppress
from typing import Any

RECENT_LINES = 60


class Prefixed:
    """A stream for circus: whole lines only, `name      | line`. `width`: of the longest name.

    A quiet one keeps its latest lines to itself until `show` is called.
    """

    def __init__(self, name: str, width: int, *, quiet: bool = False) -> None:
        self.prefix = f"{name:<{width}} | "
        self.quiet = quiet
        self._recent: deque[str] = deque(maxlen=RECENT_LINES)
        self._rest: dict[tuple[int, str], bytes] = {}

    def __call__(self, data: dict[str, Any]) -> None:
        source = (data["pid"], data["name"])
        *lines, rest = (self._rest.pop(source, b"") + data["data"]).split(b"\n")
        if rest:
            self._rest[source] = rest
        for line in lines:
            self._take(line)

    def say(self, line: str) -> None:
        with suppress(OSError):  # nobody reads any more: no reason to stop the product
            sys.stdout.write(f"{self.prefix}{line}\n")
            sys.stdout.flush()

    def show(self) -> None:
        """Say what a quiet one kept."""
        while self._recent:
            self.say(self._recent.popleft())

    def close(self) -> None:
        """Say what was left without an end of line."""
        for rest in self._rest.values():
            self._take(rest)
        self._rest.clear()

    def _take(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        if self.quiet:
            self._recent.append(text)
        else:
            self.say(text)
