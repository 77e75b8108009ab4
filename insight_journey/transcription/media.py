"""Untrusted recordings: what they are (`probe`, in the request) and their sound (`decode`, in the job).

Demuxers are whitelisted, so that a playlist can't name other files of this machine. Sound is decoded packet by packet
from a seekable, decrypting file, so that a damaged packet costs itself alone and nothing is ever written in the clear.
The clock is the recording's own: gaps are filled with silence, so that a word's second is the player's second.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from insight_journey.errors import InsightJourneyError
from insight_journey.settings import Settings
from insight_journey.transcription import channels, sniffing
from insight_journey.transcription.base import RECORDING_BROKEN_OFF, RECORDING_DAMAGED
from insight_journey.transcription.channels import RATE, Samples
from insight_journey.transcription.sniffing import refusal

DEMUXERS = "mov,mp4,m4a,matroska,webm,mp3,wav,flac,ogg,aac,aiff,caf,w64,amr,avi,asf,mpegts"
AUDIO_TYPES = {
    "mov": "audio/mp4", "matroska": "audio/x-matroska", "mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac",
    "ogg": "audio/ogg", "aac": "audio/aac", "aiff": "audio/aiff", "caf": "audio/x-caf", "w64": "audio/x-w64", "amr": "audio/amr",
    "avi": "video/x-msvideo", "asf": "audio/x-ms-wma", "mpegts": "video/mp2t",
}  # fmt: skip
VIDEO_TYPES = {"mov": "video/mp4", "matroska": "video/x-matroska", "ogg": "video/ogg", "asf": "video/x-ms-wmv"}
PROBE_SECONDS = 2.0
PROBE_PACKETS = 2000
MAX_CHANNELS = 16
TOLERANCE = 0.1  # seconds that timestamps may differ from the samples so far before silence is put in
LONGEST_REST = 0.45  # seconds between two packets of a whole recording: Opus rests up to 0.4 in silence (RFC 7587, section 3.1.3)
MAX_GAP = 600.0  # a longer leap of the clock, or one back, is a broken clock, not a pause
SHORT_BY = 1.0  # seconds that may be missing at the end (encoders pad, and round what they declare)


@dataclass(frozen=True)
class MediaInfo:
    """What a recording is. `kind` "audio" or "video"; `seconds` as declared, None where nothing is; `format` the demuxer's name."""

    kind: str
    media_type: str
    format: str
    codec: str
    seconds: float | None
    channels: int


@dataclass(frozen=True)
class Decoded:
    """The sound: 16-bit samples at 16 kHz, one array, or two where each channel holds one voice. `seconds` is its length."""

    samples: tuple[Samples, ...]
    seconds: float
    damaged_packets: int
    complete: bool

    @property
    def warnings(self) -> tuple[str, ...]:
        damaged = (RECORDING_DAMAGED,) if self.damaged_packets else ()
        return damaged if self.complete else (*damaged, RECORDING_BROKEN_OFF)


def floats(samples: Samples) -> NDArray[np.float32]:
    """Samples as the models want them: float32 in -1..1."""
    return samples.astype(np.float32) / np.float32(32768)


def probe(file: BinaryIO, settings: Settings) -> MediaInfo:
    """Look at a recording and decode its first seconds. Raises Invalid or UnsupportedMedia with one of the codes
    media_empty, media_unsupported, media_no_audio, media_no_index, media_encrypted, media_too_long, media_unreadable.
    """
    if not file.seek(0, 2):
        raise refusal("The file is empty.", "media_empty")
    with _opened(file) as (container, stream):
        info = _info(file, container, stream)
        if info.seconds and info.seconds > settings.media_limit_minutes * 60:
            raise _too_long(settings.media_limit_minutes)
        _check_sound(file, container, stream)
    return info


def decode(file: BinaryIO, settings: Settings, on_progress: Callable[[float], None], speakers: int | None = None) -> Decoded:
    """All the sound that a recording still holds. `on_progress` gets 0..1 and may raise to stop.

    Two arrays come back where two people speak, each on a channel of their own, unless `speakers` is 1.
    Raises like `probe`; media_too_long also when the limit is passed while decoding.
    """
    size = file.seek(0, 2)
    with _opened(file) as (container, stream):
        info = _info(file, container, stream)
        sound = _Sound(2 if stream.codec_context.channels == 2 else 1, settings.media_limit_minutes)
        packets = _Packets(container, stream)
        origin = (container.start_time or 0) / av.time_base
        for packet in packets:
            frames = packets.frames(packet)
            for frame in frames:
                sound.take(frame, _time_of(frame, origin))
            if not frames and info.format == "mp3":
                sound.skip(_seconds_of_junk(packet, stream))
            on_progress(min(1.0, file.tell() / size))
        sound.flush()
        if not sound.length:
            raise _unreadable()
        complete = not packets.broke_off and _is_whole(file, info, _declared(stream, container), sound.length / RATE)
    return Decoded(_voices(sound.arrays(), speakers), sound.length / RATE, packets.damaged + sound.holes, complete)


def _voices(arrays: tuple[Samples, ...], speakers: int | None) -> tuple[Samples, ...]:
    if len(arrays) == 1:
        return arrays
    left, right = arrays
    if speakers != 1 and channels.hold_one_voice_each(left, right):
        return channels.apart(left, right), channels.apart(right, left)
    return (channels.together(left, right),)


# -- opening ---------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(file: BinaryIO) -> Iterator[tuple[Any, Any]]:
    """The container and its main sound. Errors of the file itself (tampered, disk) pass through as they are."""
    file.seek(0)
    try:
        container = av.open(file, mode="r", metadata_errors="ignore", container_options={"format_whitelist": DEMUXERS})
    except FFmpegError:
        raise sniffing.unsupported(file) from None
    with container:
        stream = container.streams.best("audio")
        if stream is None:
            raise _without_sound(file, container)
        if stream.codec_context is None:
            raise refusal("The sound of this recording is of a kind that can't be read.", "media_unsupported", sniffing.UnsupportedMedia)
        yield container, stream


def _without_sound(file: BinaryIO, container: Any) -> InsightJourneyError:
    if sniffing.is_protected(file):
        return _protected()
    named = sniffing.kind_of(sniffing.head_of(file))
    if named or not container.streams.video:
        return sniffing.unsupported(file)
    return refusal("This video has no sound, so there is nothing to transcribe.", "media_no_audio")


def _info(file: BinaryIO, container: Any, stream: Any) -> MediaInfo:
    count = stream.codec_context.channels
    if count > MAX_CHANNELS:
        raise refusal(f"This recording has {count} channels; at most {MAX_CHANNELS} can be read.", "media_unsupported")
    pictures = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    kind = "video" if pictures else "audio"
    name = container.format.name.partition(",")[0]
    return MediaInfo(kind, _media_type(file, name, kind), name, stream.codec_context.name, _declared(container, stream), count)


def _media_type(file: BinaryIO, name: str, kind: str) -> str:
    if name == "matroska" and sniffing.is_webm(file):
        return f"{kind}/webm"
    if name == "mov" and kind == "video" and sniffing.is_quicktime(file):
        return "video/quicktime"
    audio = AUDIO_TYPES.get(name, "application/octet-stream")
    return VIDEO_TYPES.get(name, audio) if kind == "video" else audio


def _declared(first: Any, second: Any) -> float | None:
    """Seconds that the container or the stream declares; the first of the two that says anything."""
    for source in (first, second):
        if source.duration:
            return float(source.duration * (getattr(source, "time_base", None) or Fraction(1, av.time_base)))
    return None


def _check_sound(file: BinaryIO, container: Any, stream: Any) -> None:
    packets, heard = _Packets(container, stream), 0.0
    for number, packet in enumerate(packets):
        heard += sum(frame.samples / frame.sample_rate for frame in packets.frames(packet))
        if heard >= PROBE_SECONDS or number > PROBE_PACKETS:
            break
    if sniffing.is_protected(file):
        raise _protected()
    if not heard:
        raise _unreadable()


# -- decoding --------------------------------------------------------------------------------------------------------


class _Packets:
    """The packets of one stream, as far as they go. Counts the `damaged` ones; `broke_off` when the last of all is one."""

    def __init__(self, container: Any, stream: Any) -> None:
        self._packets = container.demux(stream)
        self._has_junk_at_its_end = container.format.name == "mp3"  # tags of many kinds
        self._last_is_damaged = False
        self.damaged = 0
        self.broke_off = False

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._packets
        except FFmpegError:
            self.broke_off = True
        if self._last_is_damaged:
            self.damaged -= 1
            self.broke_off = self.broke_off or not self._has_junk_at_its_end

    def frames(self, packet: Any) -> list[Any]:
        """Frames of a packet, none of one that can't be read. Not by PyAV's own generator, which dies at the first such packet."""
        frames, damaged = _decoded(packet)
        if packet.size:
            self.damaged += damaged
            self._last_is_damaged = damaged
        return frames


def _decoded(packet: Any) -> tuple[list[Any], bool]:
    try:
        return list(packet.decode()), bool(packet.is_corrupt)
    except EOFError:
        return [], False
    except FFmpegError:
        return [], True


class _Sound:
    """Samples of each channel so far, at the recording's own time."""

    def __init__(self, count: int, limit_minutes: int) -> None:
        self._planes = [bytearray() for _ in range(count)]
        self._limit_minutes = limit_minutes
        self._shape: tuple[Any, ...] = ()
        self._resampler: Any = None
        self._position = 0.0  # seconds that the frames so far reach to
        self._shift = 0.0  # what a broken clock is off by
        self.holes = 0  # stretches that are missing in the midst

    @property
    def length(self) -> int:
        return len(self._planes[0]) // 2

    def arrays(self) -> tuple[Samples, ...]:
        return tuple(np.frombuffer(plane, np.int16) for plane in self._planes)

    def take(self, frame: Any, at: float | None) -> None:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            self.flush()
            self._shape = shape
        if at is not None:
            self._keep_time(at)
        frame.pts = None
        self._append(self._resample(frame))
        self._position += frame.samples / frame.sample_rate

    def skip(self, seconds: float) -> None:
        """What comes now is so much later than its timestamps say."""
        self._shift += seconds

    def flush(self) -> None:
        """Take what the resampler still holds; the next frame gets a new one."""
        if self._resampler is not None:
            self._append(self._resampler.resample(None))
        self._resampler = None

    def _resample(self, frame: Any) -> list[Any]:
        if self._resampler is None:
            layout = "stereo" if len(self._planes) == 2 else "mono"
            self._resampler = av.AudioResampler(format="s16p", layout=layout, rate=RATE)
        return list(self._resampler.resample(frame))

    def _keep_time(self, at: float) -> None:
        gap = at + self._shift - self._position
        if abs(gap) <= TOLERANCE:
            return
        if not 0 < gap <= MAX_GAP:
            self._shift -= gap
            return
        self.flush()
        self.holes += self._position > 0 and gap > LONGEST_REST
        self._position += gap
        self._add_silence(round(self._position * RATE) - self.length)

    def _add_silence(self, count: int) -> None:
        self._check_room(count)
        for plane in self._planes:
            plane.extend(bytes(2 * max(0, count)))

    def _append(self, frames: list[Any]) -> None:
        for frame in frames:
            self._check_room(frame.samples)
            for plane, samples in zip(self._planes, frame.to_ndarray(), strict=True):
                plane.extend(samples.tobytes())

    def _check_room(self, count: int) -> None:
        if self.length + count > (self._limit_minutes * 60 + SHORT_BY) * RATE:
            raise _too_long(self._limit_minutes)


def _time_of(frame: Any, origin: float) -> float | None:
    """Seconds from the beginning of the recording, which may begin with a picture alone."""
    if frame.pts is None:
        return None
    return float(frame.pts * (frame.time_base or Fraction(1, frame.sample_rate))) - origin


def _seconds_of_junk(packet: Any, stream: Any) -> float:
    """How long the sound was that a junk packet of an MP3 stands for: its timestamps count it as one frame, whatever its size."""
    rate = stream.bit_rate or stream.codec_context.bit_rate
    counted = float((packet.duration or 0) * (packet.time_base or 0))
    return max(0.0, packet.size * 8 / rate - counted) if rate and packet.is_corrupt is False and packet.pts else 0.0


def _is_whole(file: BinaryIO, info: MediaInfo, declared: float | None, seconds: float) -> bool:
    if sniffing.riff_is_cut(file) or (info.format == "ogg" and not sniffing.ogg_ends_well(file)):
        return False
    return declared is None or seconds >= declared - max(SHORT_BY, 0.01 * declared)


def _too_long(minutes: int) -> InsightJourneyError:
    return refusal(f"The recording is longer than the {minutes} minutes that are allowed.", "media_too_long")


def _unreadable() -> InsightJourneyError:
    return refusal("The sound of this recording is damaged from its beginning and can't be read.", "media_unreadable")


def _protected() -> InsightJourneyError:
    return refusal("This recording is copy-protected, so its sound can't be read.", "media_encrypted")
