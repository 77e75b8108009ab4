"""Which processes an installation is made of."""

from pathlib import Path

from insight_journey.cli.supervisor import parts
from insight_journey.embedded.endpoints import prepare
from insight_journey.settings import Settings


def names(**values: object) -> list[str]:
    return [part.name for part in parts(Settings(**values).resolved())]


def test_it_works(tmp_path: Path):
    everything = ["redis", "graph", "api", "worker-media", "worker-analysis", "search", "cron"]
    assert names(home=tmp_path) == everything
    prepare(tmp_path)
    assert names(home=tmp_path) == everything


def test_named_engines_are_not_started(tmp_path: Path):
    prepare(tmp_path)
    assert "graph" not in names(home=tmp_path, graph_url="bolt://127.0.0.1:7687")
    assert "redis" not in names(home=tmp_path, redis_url="redis://127.0.0.1:6379/0")


def test_as_many_workers_as_wanted(tmp_path: Path):
    found = names(home=tmp_path, media_workers=2, analysis_workers=3)
    assert [name for name in found if name.startswith("worker")] == [
        "worker-media", "worker-media-2", "worker-analysis", "worker-analysis-2", "worker-analysis-3",
    ]  # fmt: skip
