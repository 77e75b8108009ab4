"""Who dies: a random part at a random point. `up` starts it again; who is not `up`'s is started again here."""

import random
import time
from collections import Counter
from typing import Any

from tests.installation import Installation, kill

WEIGHTS = {
    "job media": 4, "job analysis": 4, "worker media": 3, "worker analysis": 3, "api": 3, "redis": 2, "graph": 2, "cron": 1, "up": 1,
}  # fmt: skip
LOOKS = 200  # for a part that is there to be killed


def spread(installation: Installation, chance: random.Random, kills: int, seconds: float, graph: Any = None) -> "Counter[str]":
    """Kill `kills` times within about `seconds`; how often whom. `graph`: an engine of our own with kill() and start()."""
    done: Counter[str] = Counter()
    while done.total() < kills:
        time.sleep(chance.uniform(0.2, 1.8) * seconds / kills)
        done[_one(installation, chance, graph)] += 1
    return done


def _one(installation: Installation, chance: random.Random, graph: Any) -> str:
    for _ in range(LOOKS):
        victim = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if victim == "up":
            installation.kill()
            installation.start()
            return victim
        if victim == "graph" and graph:
            graph.kill()
            graph.start()
            return victim
        if kill(installation.find(victim)):
            return victim
        time.sleep(0.05)
    raise RuntimeError("nothing was there to be killed")
