"""pipeline: a recording of four minutes, from the accepted upload to `run.finished`, against raw faster-whisper.

The product runs as `insight-journey up` starts it, with the `local` analyzer. Raw means a process that has imported faster-whisper
and is timed from there: model load, decoding, transcription with the same settings. Both take turns; the medians count.
The recording is the bundled one, repeated; with --data DIR those of DIR/audio, one after the other. At most 1.15 times raw.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from figures import within
from installation import Lacking, folder, installation

from tests.media import RATE, Samples, encode, voice
from tests.stack import Person

SECONDS, ROUNDS = 240, 3
MOST = 1.15


def run(arguments: argparse.Namespace) -> int:
    recording = encode(_samples(arguments.data), "ogg")
    with tempfile.NamedTemporaryFile(suffix=".ogg") as file, installation(analyzer="local") as stack:
        file.write(recording)
        file.flush()
        person = stack.person("Speaker")
        _product(person, encode(voice(), "ogg"))  # so that the machine has read everything once
        rounds = [(_product(person, recording), _raw(file.name)) for _ in range(ROUNDS)]
    ours, raw = statistics.median(total for (total, _), _ in rounds), statistics.median(raw for _, raw in rounds)
    for (total, stages), alone in rounds:
        print(f"  product {total:.2f} s ({stages}), raw {alone:.2f} s")
    return not within("pipeline wall time", ours / raw, MOST, "x", f"{ours:.2f} s against {raw:.2f} s, median of {ROUNDS}")


def _samples(data: Path | None) -> Samples:
    if data is None:
        spoken = voice(seconds=SECONDS)
        return np.tile(spoken, SECONDS * RATE // len(spoken) + 1)[: SECONDS * RATE]
    recordings = [path for path in sorted(folder(data / "audio").iterdir()) if path.suffix != ".tsv"]
    return np.concatenate([voice(path.read_bytes(), SECONDS) for path in recordings])[: SECONDS * RATE]


def _product(person: Person, recording: bytes) -> tuple[float, str]:
    """Seconds from the answer of the upload to `run.finished`, and when each stage began."""
    session = person.session()
    with person.listening() as heard:
        run = person.post(f"/sessions/{session}/content", files={"file": ("recording.ogg", recording)})["id"]
        began = time.monotonic()
        stages: dict[str, float] = {}
        while not heard.of("run.finished"):
            for event in heard.of("run.progress"):
                stages.setdefault(event["stage"], time.monotonic() - began)
            if heard.of("run.failed") or time.monotonic() - began > 600:
                raise Lacking(f"the run {run} did not finish")
            time.sleep(0.005)
        total = time.monotonic() - began
    return total, ", ".join(f"{name} from {at:.2f}" for name, at in stages.items())


def _raw(path: str) -> float:
    command = [sys.executable, Path(__file__).with_name("raw.py"), path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout)
