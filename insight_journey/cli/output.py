"""The output of many processes in one terminal: every line says whose it is."""

import sys
from contextlib import suppress
from typing import Any


class Prefixed:
    """A stream for circus: whole lines only, `name      | line`. `width`: of the longest name."""

    def __init__(self, name: str, width: int) -> None:
        self.prefix = f"{name:<{width}} | "
        self._rest: dict[tuple[int, str], bytes] = {}

    def __call__(self, data: dict[str, Any]) -> None:
        source = (data["pid"], data["name"])
        *lines, rest = (self._rest.pop(source, b"") + data["data"]).split(b"\n")
        if rest:
            self._rest[source] = rest
        for line in lines:
            self.say(line.decode(errors="replace"))

    def say(self, line: str) -> None:
        with suppress(OSError):  # nobody reads any more: no reason to stop the product
            sys.stdout.write(f"{self.prefix}{line}\n")
            sys.stdout.flush()

    def close(self) -> None:
        """Say what was left without an end of line."""
        for rest in self._rest.values():
            self.say(rest.decode(errors="replace"))
        self._rest.clear()
