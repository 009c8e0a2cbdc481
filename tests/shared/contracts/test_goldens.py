"""Golden examples are append-only, and every build must still read every one of them."""

import hashlib
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from shared.contracts import catalogue, envelope

EXAMPLES = Path(catalogue.__file__).parent / "examples"
SCHEMAS = EXAMPLES.parent / "schemas"
GOLDENS = sorted(EXAMPLES.glob("*/*.json"))
CLOUDEVENTS = Path(__file__).parents[4] / "shared/data/cloudevents/cloudevents.schema.json"
each_golden = pytest.mark.parametrize(
    "path", GOLDENS, ids=[f"{path.parent.name}-{path.stem}" for path in GOLDENS]
)


def _event(document: dict[str, Any]) -> envelope.Event:
    raw = [
        (f"ce_{name}", str(value).encode()) for name, value in document.items() if name != "data"
    ]
    return envelope.parse("topic", 3, raw, orjson.dumps(document["data"]))


def test_every_type_has_a_golden_example() -> None:
    assert {path.parent.name for path in GOLDENS} == set(catalogue.BY_NAME)


def test_no_golden_example_was_changed_or_removed() -> None:
    for line in (EXAMPLES / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((EXAMPLES / name).read_bytes()).hexdigest() == digest, name


def test_every_golden_example_is_in_the_list_of_digests() -> None:
    listed = {line.split()[1] for line in (EXAMPLES / "SHA256SUMS").read_text().splitlines()}

    assert {f"{path.parent.name}/{path.name}" for path in GOLDENS} == listed


@each_golden
def test_a_golden_example_is_read_and_written_again_as_the_same_bytes(path: Path) -> None:
    said, kind = orjson.loads(path.read_bytes())["data"], catalogue.BY_NAME[path.parent.name]

    written = catalogue.encode(catalogue.decode(path.parent.name, orjson.dumps(said)))

    assert orjson.loads(written) == kind.upcast(path.parent.name, said)


@each_golden
def test_a_golden_example_fits_the_published_schema(path: Path) -> None:
    schema = orjson.loads((SCHEMAS / f"{path.parent.name}.json").read_bytes())

    jsonschema.validate(orjson.loads(path.read_bytes())["data"], schema)


@each_golden
def test_an_envelope_survives_the_headers(path: Path) -> None:
    document = orjson.loads(path.read_bytes())
    event = _event(document)

    again = envelope.parse("topic", 3, envelope.headers(event), event.data)

    assert again == event
    assert orjson.loads(envelope.structured(event)) == document


@each_golden
def test_the_structured_rendering_is_a_cloudevent(path: Path) -> None:
    if not CLOUDEVENTS.exists():
        pytest.skip("the CloudEvents schema is not beside the checkout (../shared/data)")

    jsonschema.validate(orjson.loads(path.read_bytes()), orjson.loads(CLOUDEVENTS.read_bytes()))
