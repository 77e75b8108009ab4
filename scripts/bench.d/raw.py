"""raw.py RECORDING: prints the seconds that faster-whisper alone takes for it, with the product's model and settings."""

import sys
import time

from faster_whisper import BatchedInferencePipeline, decode_audio

from insight_journey.settings import Settings
from insight_journey.transcription import whisper

settings = Settings()
began = time.monotonic()
model = whisper.load(settings)
segments, _ = BatchedInferencePipeline(model).transcribe(
    decode_audio(sys.argv[1]),
    language="en" if model.supported_languages == ["en"] else None,
    batch_size=whisper.BATCH,
    beam_size=whisper.BEAM,
    word_timestamps=True,
    vad_parameters={"min_silence_duration_ms": whisper.SILENCE_MS, "speech_pad_ms": whisper.PAD_MS},
)
list(segments)
print(time.monotonic() - began)
