"""A worker of all queues: `python worker.py`; see `insight-journey run worker` for one of some."""

from insight_journey.cli.run import work
from insight_journey.tasks import QUEUES

work(QUEUES)
