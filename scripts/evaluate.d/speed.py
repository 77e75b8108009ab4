"""What an hour of speech takes of the offline analyzer, alone in a process with one thread.

`seconds_600_sentences` is processor time, of all threads that there are: on an idle machine the same as the clock's, which is told too.
"""

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from figures import Figure

SENTENCES = 600  # about an hour of speech of one person
TIMES = 3  # the quickest counts: the others waited for the machine
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def run(path: Path, baselines: bool, data: Path | None) -> Iterator[Figure]:
    command = [sys.executable, __file__, str(path)]
    alone = subprocess.run(command, env={**os.environ, **dict.fromkeys(THREADS, "1")}, check=True, stdout=subprocess.PIPE)  # noqa: S603 - ours
    measured = json.loads(alone.stdout.splitlines()[-1])
    for name, value in measured.items():
        yield Figure(name, value, SENTENCES)


def main(path: Path) -> dict[str, float]:
    """Measure in this process."""
    from insight_journey.analysis.base import AnalysisJob
    from insight_journey.analysis.local import LocalAnalyzer
    from insight_journey.analysis.moments import segment
    from insight_journey.settings import Settings
    from insight_journey.transcription.base import Transcript, Utterance

    moments = segment(Transcript(tuple(map(Utterance, _sentences(path))), "en", "text"))
    begun = time.perf_counter()
    analyzer = LocalAnalyzer(Settings())
    loaded = time.perf_counter() - begun
    walls, cpus = [], []
    for _ in range(TIMES):
        begun, used = time.perf_counter(), time.process_time()
        analyzer.analyze(AnalysisJob(moments, "en", "2025-01-01", lambda _: None))
        walls.append(time.perf_counter() - begun)
        cpus.append(time.process_time() - used)
    found = {"seconds_600_sentences": min(cpus), "seconds_600_sentences_by_the_clock": min(walls), "seconds_to_load": loaded}
    return {**found, "resident_mb": _peak()}


def _peak() -> float:
    """The most memory this process has held, in MB. On Linux `ru_maxrss` would start with that of the process it was started from."""
    status = Path("/proc/self/status")
    if status.exists() and (found := PEAK.search(status.read_text())):
        return int(found[1]) * 1.024 / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _sentences(path: Path) -> list[str]:
    """Sentences of what clients said, from the start again where there are too few."""
    import tables

    from insight_journey.transcription.text import parse_text

    files = [path] if path.is_file() else sorted(path.glob("*/*.txt"))
    found: list[str] = []
    for file in files:
        transcript = parse_text(file.read_text(encoding="utf-8-sig"), file.name, file.parent.name.partition("_")[0])
        found += [u.text for u in transcript.utterances if transcript.roles.get(u.speaker or "", "client") == "client"]
    if not found:
        raise tables.Unusable(f"{path} has no sessions")
    return list(islice(cycle(found), SENTENCES))


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
