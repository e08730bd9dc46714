"""Title gazetteer: zero-shot floor for persons. Capitalised words after a title or an office are somebody's name.

The list of titles is a general one of English and Indonesian; no name is known. Whoever has a title once is found
without it, too, by the full name and by the last part of it. In Indonesian, and in English before an office, the state
may stand between title and name ("Presiden Prancis", "French President"): a first capitalised word after an Indonesian
office that other names follow is taken for the state and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from retold.model.annotations import AnnotationRecord, Document, Mention
from retold.systems import Context

from ..common.names import folded
from ..common.text import sentences

NAME = "title_gazetteer"
DESCRIPTION = (
    "Zero-shot floor for persons: capitalised words after a title or office of a general list, English and Indonesian, "
    "and the same names without it."
)
PROTOCOL = "zero-shot"
FLOOR = True

#: Titles after which a name follows at once.
_TITLES = (
    "president|vice president|prime minister|deputy prime minister|foreign minister|defence minister|defense minister|"
    "finance minister|interior minister|minister|foreign secretary|secretary of state|secretary[- ]general|secretary|"
    "chancellor|premier|governor|mayor|senator|congressman|congresswoman|representative|ambassador|envoy|"
    "chairman|chairwoman|chair|chief|director|commissioner|speaker|spokesman|spokeswoman|spokesperson|leader|"
    "king|queen|prince|princess|emperor|sultan|sheikh|emir|pope|bishop|archbishop|cardinal|imam|rabbi|ayatollah|"
    "general|lieutenant general|major general|colonel|major|captain|lieutenant|sergeant|admiral|commander|"
    "judge|justice|professor|prof|doctor|dr|sir|lord|lady|dame|mr|mrs|ms|miss|"
    "bapak|pak|ibu|bu|tuan|nyonya|jenderal|letjen|mayjen|kolonel|mayor|kapten|laksamana|"
    "raja|ratu|pangeran|paus|kiai|ustaz|profesor|dokter"
)
#: Indonesian offices, which may have the name of a state after them.
_OFFICES = (
    "presiden|wakil presiden|perdana menteri|menteri luar negeri|menteri pertahanan|menteri keuangan|"
    "menteri dalam negeri|menteri|kanselir|gubernur|wali kota|walikota|bupati|duta besar|juru bicara|"
    "sekretaris jenderal|ketua|pemimpin|panglima|kepala"
)
_NAME = r"[A-ZÀ-ÖØ-Þ][^\W\d_]+(?:[- ](?:(?:bin|al|el|de|van|von) )?[A-ZÀ-ÖØ-Þ][^\W\d_]+)*"
#: A title may begin a sentence or be in capitals itself; a name may not be in small letters.
_AFTER_TITLE = re.compile(rf"(?<!\w)(?i:{_TITLES})\.? (?P<name>{_NAME})(?!\w)")
_AFTER_OFFICE = re.compile(rf"(?<!\w)(?i:{_OFFICES}) (?P<name>{_NAME})(?!\w)")
_IS_TITLE = re.compile(rf"(?:{_TITLES}|{_OFFICES})", re.IGNORECASE)


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    return AnnotationRecord(
        document_id=document.document_id,
        entities=persons(document),
    )


def persons(document: Document) -> list[Mention]:
    """Persons of a document: every place that has the name of somebody with a title.

    The last part of a name stands for the one who has it; of several, for the one who is named first.
    """
    texts = sentences(document)
    full = list(dict.fromkeys(name for text in texts for name in _titled(text)))
    # A single name ("Mr Berg") is short for a full one, if there is one.
    whose: dict[str, str] = {}
    for name in sorted(full, key=lambda name: " " not in name):
        whose.setdefault(name, name)
        whose.setdefault(name.split()[-1], name)
    if not whose:
        return []
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, _longest_first(whose)))})(?!\w)")
    found = []
    for span, text in zip(document.sentences, texts, strict=True):
        for match in pattern.finditer(text):
            start, end = span.start + match.start(), span.start + match.end()
            found.append(
                Mention(
                    start=start,
                    end=end,
                    text=document.text[start:end],
                    type="PER",
                    entity=folded(whose[match[0]].split()[-1]),
                    kb_id=None,
                )
            )
    return found


def _titled(text: str) -> Iterator[str]:
    """Names that follow a title, without further titles at their beginning."""
    for pattern, office in ((_AFTER_TITLE, False), (_AFTER_OFFICE, True)):
        for match in pattern.finditer(text):
            words = match["name"].split(" ")
            while words and _IS_TITLE.fullmatch(words[0]):
                words = words[1:]
            if office and len(words) > 2:
                words = words[1:]
            # An office before a lone capital is as likely that of a state as somebody's.
            if words and not (office and len(words) == 1):
                yield " ".join(words)


def _longest_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (-len(name), name))
