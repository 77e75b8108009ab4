"""Recordings as people send them: every container, cut, damaged, renamed, locked, and files that want to read others."""

import io
import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from insight_journey.errors import InsightJourneyError, Invalid, Tampered, UnsupportedMedia
from insight_journey.settings import Settings
from insight_journey.transcription.media import RATE, Decoded, decode, floats, probe
from tests import media

SETTINGS = Settings(media_limit_minutes=1)
VOICE = media.voice(seconds=8)


def decoded(data: bytes, speakers: int | None = None) -> Decoded:
    return decode(io.BytesIO(data), SETTINGS, lambda done: None, speakers)


def refusal(data: bytes) -> Invalid:
    with pytest.raises(Invalid) as refused:
        probe(io.BytesIO(data), SETTINGS)
    assert refused.value.details == {"file": [refused.value.message]}
    return refused.value


def lag(sound: media.Samples, of: media.Samples = VOICE) -> float:
    """Seconds by which a sound is later than the voice, where the two agree best."""
    size = 1 << (len(sound) + len(of)).bit_length()
    agreement = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(of, size)))
    at = int(agreement.argmax())
    return (at if at < len(sound) else at - size) / RATE


def test_it_works() -> None:
    info = probe(io.BytesIO(media.REFLECTION), Settings())
    assert (info.kind, info.media_type, info.format, info.codec, info.channels) == ("audio", "audio/ogg", "ogg", "opus", 1)
    assert info.seconds == pytest.approx(76, abs=0.1)
    told: list[float] = []
    sound = decode(io.BytesIO(media.REFLECTION), Settings(), told.append)
    assert sound.seconds == pytest.approx(76, abs=0.1) and len(sound.samples) == 1
    assert len(sound.samples[0]) == round(sound.seconds * RATE)
    assert (sound.complete, sound.damaged_packets, sound.warnings) == (True, 0, ())
    assert told == sorted(told) and told[-1] == 1.0
    assert floats(sound.samples[0]).dtype == np.float32 and 0.1 < np.abs(floats(sound.samples[0])).max() <= 1


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("mp3", "audio/mpeg"),
        ("m4a", "audio/mp4"),
        ("wav", "audio/wav"),
        ("flac", "audio/flac"),
        ("ogg", "audio/ogg"),
        ("webm", "audio/webm"),
        ("aac", "audio/aac"),
        ("mka", "audio/x-matroska"),
        ("aiff", "audio/aiff"),
        ("caf", "audio/x-caf"),
        ("w64", "audio/x-w64"),
        ("amr", "audio/amr"),
        ("wma", "audio/x-ms-wma"),
        ("avi", "video/x-msvideo"),
        ("ts", "video/mp2t"),
    ],
)
def test_every_container(name: str, media_type: str) -> None:
    data = media.encode(VOICE, name)
    info = probe(io.BytesIO(data), SETTINGS)
    assert (info.kind, info.media_type) == ("audio", media_type)
    sound = decoded(data)
    assert sound.seconds == pytest.approx(8, abs=0.2) and sound.complete and not sound.damaged_packets
    assert abs(lag(sound.samples[0])) < 0.1


@pytest.mark.parametrize(
    ("name", "media_type"), [("mp4", "video/mp4"), ("webm", "video/webm"), ("mka", "video/x-matroska"), ("avi", "video/x-msvideo")]
)
def test_video(name: str, media_type: str) -> None:
    info = probe(io.BytesIO(media.encode(VOICE, name, video=True)), SETTINGS)
    assert (info.kind, info.media_type) == ("video", media_type)


# -- the clock -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mp4", "webm", "mka", "ts"])
def test_sound_that_begins_after_the_picture_is_late_by_that(name: str) -> None:
    sound = decoded(media.encode(VOICE, name, video=True, start=2.0))
    assert sound.seconds == pytest.approx(10, abs=0.2)
    assert lag(sound.samples[0]) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("name", ["mp4", "webm", "mka", "ts"])
def test_missing_packets_are_silence(name: str) -> None:
    sound = decoded(media.encode(VOICE, name, holes=[(2, 4)]))
    assert sound.seconds == pytest.approx(8, abs=0.2) and sound.warnings == ("recording_damaged",)
    samples = sound.samples[0]
    assert np.abs(samples[int(2.3 * RATE) : int(3.7 * RATE)]).max() < 50
    assert lag(samples[5 * RATE :], VOICE[5 * RATE :]) == pytest.approx(0, abs=0.1)


def test_a_clock_that_begins_again_loses_nothing() -> None:
    half = 4 * RATE
    sound = decoded(media.encode(VOICE[:half], "ts") + media.encode(VOICE[half:], "ts"))
    assert sound.seconds == pytest.approx(8, abs=0.3) and abs(lag(sound.samples[0])) < 0.2


def test_a_clock_that_leaps_an_hour_makes_no_hour_of_silence() -> None:
    sink = io.BytesIO()
    with av.open(sink, "w", format="mpegts") as written:
        stream = written.add_stream("aac", rate=RATE, layout="mono")
        for packet in media.packets(stream, [VOICE]):
            if packet.pts is not None and packet.pts * packet.time_base > 4:
                packet.pts += int(3600 / packet.time_base)
                packet.dts = packet.pts
            written.mux(packet)
    sound = decoded(sink.getvalue())
    assert sound.seconds == pytest.approx(8, abs=0.3) and abs(lag(sound.samples[0])) < 0.2


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mp3", "wav", "flac", "ogg", "webm", "aac", "mka", "amr", "wma", "avi"])
def test_a_recording_that_breaks_off_is_kept_as_far_as_it_goes(name: str) -> None:
    data = media.encode(VOICE, name)
    cut = data[: len(data) // 2]
    assert probe(io.BytesIO(cut), SETTINGS).kind == "audio"
    sound = decoded(cut)
    assert sound.warnings == ("recording_broken_off",)
    assert sound.seconds == pytest.approx(4, abs=0.6) and abs(lag(sound.samples[0])) < 0.1


@pytest.mark.parametrize("name", ["mp3", "m4a", "flac", "ogg", "webm", "aac", "mka", "ts"])
@pytest.mark.parametrize("junk", [bytes, np.random.default_rng(5).bytes], ids=["zeros", "noise"])
def test_a_hole_costs_itself_alone(name: str, junk: Callable[[int], bytes]) -> None:
    voice = media.voice(seconds=20)
    data = media.encode(voice, name)
    start, size = int(len(data) * 0.4), len(data) // 20
    sound = decoded(data[:start] + junk(size) + data[start + size :])
    assert "recording_damaged" in sound.warnings
    assert lag(sound.samples[0][: 7 * RATE], voice) == pytest.approx(0, abs=0.1)
    lost = 1.2 if name == "aac" else 0.1  # ADTS has no clock, so what is lost is lost
    assert abs(lag(sound.samples[0][14 * RATE :], voice[14 * RATE :])) < lost


def test_a_video_without_its_index_is_refused() -> None:
    data = media.encode(VOICE, "m4a")
    refused = refusal(data[: len(data) // 2])
    assert refused.code == "media_no_index" and "index" in refused.message


def test_noise_below_a_good_head_is_refused() -> None:
    data = media.encode(VOICE, "m4a")
    at = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4 if data.index(b"moov") > at else len(data)
    assert refusal(data[:at] + bytes(end - at) + data[end:]).code == "media_unreadable"


def test_errors_of_the_file_itself_pass_through() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 60_000:
                raise Tampered("not what was written")
            return super().read(size)

    with pytest.raises(Tampered):
        decode(Broken(media.REFLECTION), Settings(), lambda done: None)


def test_progress_may_stop_it() -> None:
    def stop(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(io.BytesIO(media.REFLECTION), SETTINGS, stop)


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        (b"", "media_empty", "empty"),
        (b"\x00", "media_unsupported", "no audio"),
        (bytes(100_000), "media_unsupported", "no audio"),
        (np.random.default_rng(2).bytes(100_000), "media_unsupported", "no audio"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>" * 50, "media_unsupported", "web page"),
        (b"\x7fELF\x02\x01\x01" + bytes(500), "media_unsupported", "program"),
        (b"PK\x03\x04\x14\x00\x00\x00" + bytes(500), "media_unsupported", "ZIP"),
        (b"PK\x03\x04\x14\x00\x01\x00" + bytes(500), "media_encrypted", "password"),
        (b"%PDF-1.7 x", "media_unsupported", "PDF"),
        (b"%PDF-1.7 x /Encrypt 5 0 R", "media_encrypted", "password"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "media_unsupported", "picture"),
        (b"ffconcat version 1.0\nfile secret.wav\n", "media_unsupported", "playlist"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.wav\n", "media_unsupported", "playlist"),
        (b"Dear diary, today I was sad. " * 20, "media_unsupported", "a text"),
        (b"BMW is what my mother drives. " * 20, "media_unsupported", "a text"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x21<html>" + bytes(4000), "media_unsupported", "no audio"),
    ],
)
def test_what_is_no_recording(data: bytes, code: str, word: str) -> None:
    refused = refusal(data)
    assert refused.code == code and word in refused.message, refused.message
    assert isinstance(refused, UnsupportedMedia) == (code == "media_unsupported")


def test_a_playlist_reads_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.wav").write_bytes(media.encode(VOICE))
    (tmp_path / "evil.mp3").write_bytes(b"ffconcat version 1.0\nfile secret.wav\n")
    monkeypatch.chdir(tmp_path)
    for work in (lambda f: probe(f, SETTINGS), lambda f: decode(f, SETTINGS, lambda done: None)):
        with (tmp_path / "evil.mp3").open("rb") as file, pytest.raises(UnsupportedMedia):
            work(file)


def test_a_silent_film_has_nothing_to_transcribe() -> None:
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as written:
        stream = written.add_stream("mpeg4", rate=5, width=64, height=48, pix_fmt="yuv420p")
        for _ in range(20):
            written.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        written.mux(stream.encode(None))
    assert refusal(sink.getvalue()).code == "media_no_audio"


def test_a_bought_song_is_locked() -> None:
    """FairPlay and common encryption name their tracks so (ISO 14496-12, section 8.12); the key is the shop's."""
    data = media.encode(VOICE, "m4a")
    entry = data.index(b"mp4a")
    sinf = struct.pack(">I", 8 + 12) + b"sinf" + struct.pack(">I", 12) + b"frmamp4a"
    grown = data[:entry] + b"enca" + data[entry + 4 :]
    at = grown.index(b"esds") - 4
    size = struct.unpack(">I", grown[at : at + 4])[0]
    grown = _grow(
        grown[: at + size] + sinf + grown[at + size :], len(sinf), (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"enca")
    )
    assert refusal(grown).code == "media_encrypted"


def _grow(data: bytes, by: int, boxes: tuple[bytes, ...]) -> bytes:
    for name in boxes:
        at = data.index(name) - 4
        data = data[:at] + struct.pack(">I", struct.unpack(">I", data[at : at + 4])[0] + by) + data[at + 4 :]
    return data


def test_too_long() -> None:
    assert refusal(media.encode(media.silence(61.5), "flac")).code == "media_too_long"
    assert probe(io.BytesIO(media.encode(media.silence(59), "flac")), SETTINGS).seconds == pytest.approx(59)


def test_too_long_without_a_word_of_it() -> None:
    """A stream that declares no length, as browsers record, is counted while it is decoded."""
    sink = io.BytesIO()
    options = {"live": "1"}
    with av.open(sink, "w", format="webm", container_options=options) as written:
        stream = written.add_stream("libopus", rate=48_000, layout="mono")
        for packet in media.packets(stream, [media.silence(63)]):
            written.mux(packet)
    assert probe(io.BytesIO(sink.getvalue()), SETTINGS).seconds is None
    with pytest.raises(Invalid) as refused:
        decoded(sink.getvalue())
    assert refused.value.code == "media_too_long"


def test_a_wave_with_too_many_channels_is_refused() -> None:
    sink = io.BytesIO()
    with wave.open(sink, "wb") as written:
        written.setnchannels(64)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(bytes(64 * 2 * RATE))
    assert refusal(sink.getvalue()).code == "media_unsupported"


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wave_whose_recorder_never_went_back_is_read_to_its_end(size: int) -> None:
    data = bytearray(media.encode(VOICE, "wav"))
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = struct.pack("<I", size)
    assert probe(io.BytesIO(bytes(data)), SETTINGS).format == "wav"
    assert decoded(bytes(data)).seconds == pytest.approx(8, abs=0.1)


def test_the_content_decides_not_the_name() -> None:
    assert probe(io.BytesIO(media.encode(VOICE, "flac")), SETTINGS).media_type == "audio/flac"


def test_every_cut_and_flip_ends_in_a_sentence() -> None:
    """Whatever comes, it is read or refused: nothing else is raised."""
    random = np.random.default_rng(7)
    for name in ("mp3", "m4a", "ogg", "webm", "wav", "flac"):
        data = media.encode(VOICE[: 2 * RATE], name)
        for _ in range(25):
            broken = bytearray(data[: int(random.integers(1, len(data)))] if random.random() < 0.5 else data)
            for at in random.integers(0, min(len(broken), 4000), 20):
                broken[at] = random.integers(256)
            _read_or_refused(bytes(broken))


def _read_or_refused(data: bytes) -> Any:
    try:
        probe(io.BytesIO(data), SETTINGS)
        return decoded(data)
    except InsightJourneyError as refused:
        return refused.code


# -- channels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wav", "mp3", "ogg", "m4a"])
def test_one_voice_a_channel_stays_apart(name: str) -> None:
    left, right = media.alternating()
    sound = decoded(media.encode([left, right], name))
    assert len(sound.samples) == 2
    assert abs(lag(sound.samples[0], left)) < 0.1 and abs(lag(sound.samples[1], right)) < 0.1


def test_what_leaks_into_the_other_channel_is_silenced() -> None:
    left, right = media.alternating()
    leaky = [(left + right * 0.08).astype(np.int16), (right + left * 0.08).astype(np.int16)]
    sound = decoded(media.encode(leaky, "wav"))
    assert len(sound.samples) == 2
    answer = slice(len(media.voice(media.QUESTION, 30)) + RATE, None)
    assert not sound.samples[0][answer][: 2 * RATE].any()


@pytest.mark.parametrize(
    "channels",
    [
        [VOICE, VOICE],
        [VOICE, VOICE // 2],
        [VOICE, np.zeros_like(VOICE)],
        [media.noise(8, 0.1), media.noise(8, 0.1)[::-1].copy()],
        [media.silence(8), media.silence(8)],
        [media.tones(8), media.tones(8) // 2],
    ],
    ids=["doubled", "panned", "one side", "noise", "silence", "music"],
)
def test_stereo_of_one_voice_is_one_stream(channels: list[media.Samples]) -> None:
    assert len(decoded(media.encode(channels, "wav")).samples) == 1


def test_a_channel_of_wrong_polarity_does_not_cancel_the_voice() -> None:
    sound = decoded(media.encode([VOICE, (-VOICE.astype(np.int32)).clip(-32768, 32767).astype(np.int16)], "wav"))
    assert np.abs(sound.samples[0]).max() > 1000


def test_one_speaker_is_one_stream_whatever_the_channels() -> None:
    assert len(decoded(media.encode(media.alternating(), "wav"), speakers=1).samples) == 1
