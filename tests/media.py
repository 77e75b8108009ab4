"""Recordings for the tests, made on the fly from the two bundled voices: formats, damage, stereo, things that are no recording."""

import io
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

RATE = 16_000
REFLECTION = resources.files("insight_journey.samples").joinpath("reflection.ogg").read_bytes()
REFLECTION_TEXT = resources.files("insight_journey.samples").joinpath("reflection.txt").read_text()
QUESTION = Path(__file__).parent.joinpath("data/question.ogg").read_bytes()
QUESTION_TEXT = Path(__file__).parent.joinpath("data/question.txt").read_text()

# name -> (container, codec, rate of the codec)
FORMATS = {
    "mp3": ("mp3", "libmp3lame", 16_000),
    "m4a": ("ipod", "aac", 16_000),
    "wav": ("wav", "pcm_s16le", 16_000),
    "flac": ("flac", "flac", 16_000),
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "aac": ("adts", "aac", 16_000),
    "mka": ("matroska", "flac", 16_000),
    "aiff": ("aiff", "pcm_s16be", 16_000),
    "caf": ("caf", "pcm_s16le", 16_000),
    "w64": ("w64", "pcm_s16le", 16_000),
    "amr": ("amr", "libopencore_amrnb", 8_000),
    "wma": ("asf", "wmav2", 16_000),
    "avi": ("avi", "libmp3lame", 16_000),
    "ts": ("mpegts", "aac", 16_000),
}


@cache
def voice(recording: bytes = REFLECTION, seconds: float = 10.0) -> Samples:
    """The beginning of a recording: int16 samples at 16 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(io.BytesIO(recording)) as container:
        parts = [r.to_ndarray().reshape(-1) for frame in container.decode(audio=0) for r in resampler.resample(frame)]
    return np.concatenate(parts)[: int(seconds * RATE)].astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.int16)


def noise(seconds: float, level: float = 0.02) -> Samples:
    return (np.random.default_rng(1).normal(0, level, int(seconds * RATE)).clip(-1, 1) * 32767).astype(np.int16)


def tones(seconds: float) -> Samples:
    """A little melody of harmonic tones: not a voice, not a noise."""
    at = np.arange(int(seconds * RATE)) / RATE
    pitch = 220 * 2 ** (np.array([0, 4, 7, 12, 9, 5])[(at * 2).astype(int) % 6] / 12)
    wave = sum(np.sin(2 * np.pi * pitch * k * at) / k for k in (1, 2, 3, 4)) * np.exp(-2 * (at * 2 % 1))
    return (0.2 * wave / 2 * 32767).astype(np.int16)


def alternating(gap: float = 0.3) -> tuple[Samples, Samples]:
    """Two voices that take turns, each alone on its channel: question (rms), answer (slt)."""
    asked, told = voice(QUESTION, 30), voice(REFLECTION, 12)
    pause = silence(gap)
    left = np.concatenate([asked, pause, np.zeros_like(told)])
    right = np.concatenate([np.zeros_like(asked), pause, told])
    return left, right


def encode(
    channels: Samples | Sequence[Samples],
    name: str = "wav",
    *,
    video: bool = False,
    start: float = 0.0,
    holes: Sequence[tuple[float, float]] = (),
) -> bytes:
    """A recording of one or two channels. `video` adds a picture, `start` begins the sound later than it, `holes` are
    stretches (from, to seconds) whose packets are missing, so that only timestamps tell of them.
    """
    planes = [channels] if isinstance(channels, np.ndarray) else list(channels)
    container, codec, rate = FORMATS.get(name, ("mp4", "aac", 16_000))
    sink = io.BytesIO()
    with av.open(sink, "w", format=container) as written:
        if video:
            picture = written.add_stream("mpeg4" if container != "webm" else "libvpx", rate=5, width=64, height=48, pix_fmt="yuv420p")
        stream = written.add_stream(codec, rate=rate, layout="stereo" if len(planes) == 2 else "mono")
        stream.bit_rate = 12_200 if name == "amr" else 64_000
        if video:
            for n in range(int((len(planes[0]) / RATE + start) * 5)):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), n % 256, np.uint8), format="rgb24")
                written.mux(picture.encode(frame))
            written.mux(picture.encode(None))
        for packet in packets(stream, planes):
            at = float(packet.pts * packet.time_base) if packet.pts is not None else 0.0
            if any(begin <= at < end for begin, end in holes):
                continue
            if start and packet.pts is not None:
                packet.pts += int(start / packet.time_base)
                packet.dts = packet.pts
            written.mux(packet)
    return sink.getvalue()


def packets(stream: Any, planes: list[Samples]) -> Iterator[Any]:
    """Encoded packets of a stream that was just added, from samples at 16 kHz."""
    layout = "stereo" if len(planes) == 2 else "mono"
    resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=stream.rate)
    for at in range(0, len(planes[0]), 1600):
        frame = av.AudioFrame.from_ndarray(np.stack([plane[at : at + 1600] for plane in planes]), format="s16p", layout=layout)
        frame.rate, frame.pts = RATE, at
        for ready in resampler.resample(frame):
            yield from stream.encode(ready)
    for ready in resampler.resample(None):
        yield from stream.encode(ready)
    yield from stream.encode(None)
