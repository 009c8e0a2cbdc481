"""Fast decode: events of the types declared fast, read as structs; all doubt goes to the models.

What a struct's decoder takes, the model takes too, with the same values; what it refuses may still
be sound, and then the model is what comes.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

import msgspec

from shared.contracts import catalogue
from shared.contracts.structs import OPEN, struct_of
from shared.contracts.vocabulary import Message

FastMessage: TypeAlias = msgspec.Struct
STRUCTS = {kind.model: struct_of(kind.model) for kind in catalogue.EVENT_TYPES if kind.fast}
"""Model -> its struct, of the types that are declared fast."""
_DECODERS = {
    kind.name: msgspec.json.Decoder(STRUCTS[kind.model]).decode
    for kind in catalogue.EVENT_TYPES
    if kind.fast
}
_FINER_THAN_MICROSECONDS = re.compile(rb"\.\d{7}")  # one decoder rounds such a time, the other cuts


def decode(type_name: str, data: bytes) -> Message | FastMessage:
    """Return the event behind consumed bytes, as a struct where there is one and it takes them.

    Raises:
        KeyError: this build does not know the type.
        pydantic.ValidationError: a known type with broken data.
    """
    decoder = _DECODERS.get(type_name)
    if decoder is not None and _is_plain(data):
        try:
            message = decoder(data)
        except msgspec.MsgspecError:
            return catalogue.decode(type_name, data)  # has the last word, and words for the fault
        if _are_sound([message], data):
            return message
    return catalogue.decode(type_name, data)


def decode_all(
    type_names: Sequence[str], datas: Sequence[bytes]
) -> Sequence[Message | FastMessage]:
    """Return what ``decode`` returns for each, at half its cost; raise if it raises for any."""
    plain = _decode_plain(type_names, datas)
    return list(map(decode, type_names, datas)) if plain is None else plain


def _decode_plain(
    type_names: Sequence[str], datas: Sequence[bytes]
) -> list[Message | FastMessage] | None:
    """Return the structs, and models where there is no struct; None if a struct is in doubt.

    All are looked into together, for to look costs more than what is looked for.
    """
    named = list(zip(type_names, datas, strict=True))
    whole = b"".join([data for name, data in named if name in _DECODERS])
    if not _is_plain(whole):
        return None
    decoders = {
        name: _DECODERS.get(name) or partial(catalogue.decode, name) for name in set(type_names)
    }
    try:
        found = [decoders[name](data) for name, data in named]
    except msgspec.MsgspecError:
        return None
    return found if _are_sound(found, whole) else None


def _is_plain(data: bytes) -> bool:
    """Whether all is printable ASCII without spaces and escapes, as it is in nearly every record.

    Lower than a space is only what separates: the decoder refuses such a thing within a text.
    """
    return data.isascii() and not (b" " in data or b"\\" in data or b"\x7f" in data)


def _are_sound(messages: Iterable[Any], data: bytes) -> bool:
    """Whether the models take these too, and read the same days.

    Of a time that is finer than a microsecond a model may read another one, which matters at
    midnight.
    """
    moments, words = _left_open(messages)
    return (
        {moment.tzinfo for moment in moments} <= {UTC}
        and all(matches(word) for matches, found in words.items() for word in found)
        and (
            0 not in [moment.hour or moment.minute for moment in moments]
            or not _FINER_THAN_MICROSECONDS.search(data)  # last, for it takes the longest
        )
    )


def _left_open(
    messages: Iterable[Any],
) -> tuple[list[datetime], dict[Callable[[str], object], set[str]]]:
    """Return the moments in the structs, and the words in them by what each has to match."""
    waiting: defaultdict[type[Any], list[Any]] = defaultdict(list)
    for message in messages:
        waiting[type(message)].append(message)
    moments: list[datetime] = []
    words: defaultdict[Callable[[str], object], set[str]] = defaultdict(set)
    while waiting:  # a column of each field is read at once, of structs within structs too
        struct, alike = waiting.popitem()
        if (left_open := OPEN.get(struct)) is None:
            continue  # a model
        for get in left_open.moments:
            moments += [moment for moment in map(get, alike) if moment is not None]
        for get, matches in left_open.words:
            words[matches].update([word for word in map(get, alike) if word is not None])
        for get, inner in left_open.structs:
            waiting[inner] += [one for one in map(get, alike) if one is not None]
    return moments, words
