"""Structs and models agree: what a struct takes, its model takes, with the same values."""

import json
import random
import string
from typing import Annotated, Any, get_type_hints

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from shared.contracts import catalogue, exchange, fast_decode, structs
from shared.contracts.fast_decode import STRUCTS
from shared.contracts.vocabulary import Message, Token
from tests.support.histories import history

NESTED = (exchange.Receiver, exchange.DirectoryPosition, exchange.Act)
TOLD = [event for seed in range(6) for event in history(seed) if type(event) in STRUCTS]
SOUND_NAME, SOUND_DATA = catalogue.BY_MODEL[type(TOLD[0])].name, catalogue.encode(TOLD[0])
CONFIRMED = catalogue.BY_MODEL[exchange.ContributionConfirmed].name
ODD = [
    *("", " ", "a b", "é", "a\n", "\x7f", "\0", "x" * 64, "x" * 65, "Ab-1", "a.b", '"', "\\"),
    *("2025-03-01T12:00:00Z", "2025-03-01T12:00:00.1234567Z", "2025-03-01T23:59:59.9999999Z"),
    *("2025-03-01T23:59:59.99999999+00:00", "0001-01-01T00:00:00+05:00", "2025-03-01 12:00:00Z"),
    *("9999-12-31T23:59:59-05:00", "2025-03-01T12:00:00", "2025-03-01t12:00:00z", "2025-03-01"),
    *("2025-03-01T23:30:00-05:00", "2025-02-30T12:00:00Z", "user", "person", "deliver", "true"),
    *(None, True, False, 0, 1, -1, 1440, 1441, 30.0, 1.5, 2**70, 1e300, [], {}, [None], ["a"]),
    *([{"participant_id": "p"}], [{"participant_id": "p", "party": "nobody"}], ["g"] * 1001),
    [{"topic": "t", "partition": -1, "position": 0}],
]


def both(type_name: str, data: bytes) -> tuple[Any, Any]:
    """Return what each decoder makes of the bytes; an error is its text."""
    found = []
    for decode in (fast_decode.decode, _among_others, catalogue.decode):
        try:
            found.append(decode(type_name, data))
        except ValidationError as error:
            found.append(str(error))
    mine, among_others, model = found
    assert mine == among_others, data
    return mine, model


def _among_others(type_name: str, data: bytes) -> Any:
    names, datas = [SOUND_NAME, type_name, SOUND_NAME], [SOUND_DATA, data, SOUND_DATA]
    return fast_decode.decode_all(names, datas)[1]


def _cut(message: Any) -> Any:
    return [
        [_cell(getattr(act, name)) for name in sorted(exchange.Act.model_fields)]
        for act in (getattr(message, place, None) for place in ("act", "before", "after"))
        if act is not None
    ]


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_cell(one) for one in value]
    if hasattr(value, "participant_id"):
        return value.participant_id, value.party
    if hasattr(value, "topic"):
        return value.topic, value.partition, value.position
    return value.date() if hasattr(value, "date") else value


def agree(type_name: str, data: bytes) -> bool:
    """Assert that both say the same; return whether the struct's decoder took it."""
    mine, model = both(type_name, data)
    if isinstance(model, str) or isinstance(mine, Message):
        assert mine == model, data
        return False
    assert _cut(mine) == _cut(model), data
    for name in mine.__struct_fields__:
        if name not in ("act", "before", "after"):
            assert _cell(getattr(mine, name)) == _cell(getattr(model, name)), data
    return True


@pytest.mark.parametrize("model", [*STRUCTS, *NESTED])
def test_fields_and_defaults_are_the_models(model: type[Message]) -> None:
    struct = structs.STRUCTS[model]

    fields = {f.name: f for f in msgspec.structs.fields(struct)}

    assert fields.keys() == model.model_fields.keys() == get_type_hints(struct).keys()
    for name, field in model.model_fields.items():
        default = fields[name].default
        if field.is_required():
            assert default is msgspec.NODEFAULT
        else:
            assert default == field.default


def test_every_told_contribution_is_taken_and_equal() -> None:
    assert {type(event) for event in TOLD} == set(STRUCTS)
    for event in TOLD:
        name = catalogue.BY_MODEL[type(event)].name

        assert agree(name, catalogue.encode(event)), event


@pytest.mark.parametrize("model", STRUCTS)
def test_no_odd_value_in_any_place_divides_them(model: type[Message]) -> None:
    name = catalogue.BY_MODEL[model].name
    (event, *_) = [e for e in TOLD if type(e) is model]
    whole = orjson.loads(catalogue.encode(event))
    taken = 0
    for place in _places(whole):
        for odd in ODD:
            taken += agree(name, _json(_with(whole, place, odd)))

    assert taken > 0


class Listed(Message):
    words: tuple[Token, ...]


class Even(Message):
    count: Annotated[int, Field(multiple_of=2)]


@pytest.mark.parametrize("model", [Listed, Even, exchange.ResourceAllocated])
def test_a_limit_that_no_struct_keeps_is_told_at_once(model: type[Message]) -> None:
    with pytest.raises(TypeError):
        structs.struct_of(model)


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _places(document: dict[str, Any], before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, value in document.items():
        found.append((*before, name))
        if isinstance(value, dict):
            found += _places(value, (*before, name))
            found += [(*before, name, other) for other in exchange.Act.model_fields]
    return found


def _with(document: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = place
    inner = _with(document[first], tuple(rest), value) if rest else value
    return {**document, first: inner}


@given(seed=st.integers(0, 10**6))
@settings(max_examples=300, deadline=None)
def test_no_damage_to_the_bytes_divides_them(seed: int) -> None:
    chance = random.Random(seed)
    event = chance.choice(TOLD)
    data = bytearray(catalogue.encode(event))
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] = ord(chance.choice(string.printable))
            case 1:
                data[at] = chance.randrange(256)
            case 2:
                data.insert(at, ord(chance.choice('0123456789.eE+-"{}[],: \\')))
            case _:
                del data[at]

    agree(catalogue.BY_MODEL[type(event)].name, bytes(data))


def test_no_control_character_divides_them() -> None:
    """The struct's decoder is trusted to refuse them within a text."""
    (event, *_) = [e for e in TOLD if isinstance(e, exchange.ContributionConfirmed)]
    act = event.act.model_dump_json(exclude_none=True).encode()
    for character in (*range(0x21), 0x5C, 0x7F, 0x80):
        for text in (b'"by":"p%c"', b'"by":"p","m%ce":1', b'"by":"p","more":"%c"', b'"by":"p"%c'):
            agree(CONFIRMED, b'{"act":%s,%s}' % (act, text % character))


def test_many_at_once_are_what_they_are_one_by_one() -> None:
    told = history(1)
    names = [catalogue.BY_MODEL[type(event)].name for event in told]
    datas = [catalogue.encode(event) for event in told]
    assert not {type(event) for event in told} <= STRUCTS.keys()

    assert fast_decode.decode_all(names, datas) == list(map(fast_decode.decode, names, datas))


@pytest.mark.parametrize(
    "data",
    [
        b'{"act":{},"act":%s,"by":"p"}',
        b'{"act":%s,"by":"p","by":"q"}',
        b'{"act":%s,"by":"p","more":{"act":[1,{"by":NaN}]}}',
        b'{"act":%s,"by":"p","more":1e999}',
        b' {"act":%s,"by":"p"}\n',
        b'{"act":%s,"by":"p"}{}',
        b'\xef\xbb\xbf{"act":%s,"by":"p"}',
        b'{"act":%s,"by":"\xff"}',
        b'{"act":%s,"by":"\\ud800"}',
        b'{"act":%s,"by":"p","automatic":"yes"}',
        b'{"act":%s,"by":"p","automatic":null}',
    ],
)
def test_no_oddly_written_document_divides_them(data: bytes) -> None:
    (event, *_) = [e for e in TOLD if isinstance(e, exchange.ContributionConfirmed)]
    act = event.act.model_dump_json(exclude_none=True).encode()

    agree(CONFIRMED, data % act)
