"""What a worker has imported before it forks its first job."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPT = """
import sys
from insight_journey.cli.worker import import_work
from insight_journey.settings import Settings

import_work(Settings(), sys.argv[1:])
print(*(name for name in sys.modules if not name.startswith("_")))
"""
NEEDED = {
    "media": {"faster_whisper", "av", "onnxruntime", "insight_journey.transcription.whisper", "insight_journey.sessions.pipeline"},
    "analysis": {"onnxruntime", "tokenizers", "insight_journey.analysis.local", "insight_journey.sessions.relay"},
}


def imported(*queues: str) -> set[str]:
    answer = subprocess.run([sys.executable, "-c", SCRIPT, *queues], capture_output=True, text=True, cwd=REPOSITORY)
    assert answer.returncode == 0, answer.stderr
    return set(answer.stdout.split())


@pytest.mark.parametrize("queue", NEEDED)
def test_it_works(queue: str) -> None:
    assert NEEDED[queue] <= imported(queue)


def test_who_only_analyzes_carries_no_speech_model() -> None:
    assert not {"faster_whisper", "ctranslate2"} & imported("analysis")


def test_a_worker_of_both_queues_has_both() -> None:
    assert NEEDED["media"] | NEEDED["analysis"] <= imported("media", "analysis")
