"""Names of languages as Whisper's API gives them, and their codes (ISO 639-1)."""

TABLE = """
afrikaans:af arabic:ar armenian:hy azerbaijani:az belarusian:be bosnian:bs bulgarian:bg catalan:ca chinese:zh croatian:hr
czech:cs danish:da dutch:nl english:en estonian:et finnish:fi french:fr galician:gl german:de greek:el hebrew:he hindi:hi
hungarian:hu icelandic:is indonesian:id italian:it japanese:ja kannada:kn kazakh:kk korean:ko latvian:lv lithuanian:lt
macedonian:mk malay:ms marathi:mr maori:mi nepali:ne norwegian:no persian:fa polish:pl portuguese:pt romanian:ro russian:ru
serbian:sr slovak:sk slovenian:sl spanish:es swahili:sw swedish:sv tagalog:tl tamil:ta thai:th turkish:tr ukrainian:uk
urdu:ur vietnamese:vi welsh:cy
"""
NAMES = dict(pair.split(":") for pair in TABLE.split())


def code_of(language: str | None) -> str | None:
    """The code of a language given by code, tag (`en-GB`) or English name; None for what is neither."""
    said = (language or "").strip().lower().replace("_", "-").partition("-")[0]
    return NAMES.get(said) or (said if len(said) == 2 and said.isalpha() else None)
