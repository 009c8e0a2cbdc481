"""Whether a changed JSON Schema still reads everything that was ever written under the old one.

A published type may gain optional fields, and a field a stricter privacy class; anything else is a
new version of the type.
"""

from typing import Any

from shared.contracts.privacy import EXTENSION, Privacy

Schema = dict[str, Any]
_IGNORED = {
    "title",
    "description",
    "default",
    "$defs",
    "properties",
    "required",
    "items",
    "prefixItems",
    EXTENSION,
}
_STRICTNESS = (None, *Privacy)


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return what a consumer of ``old`` or a stored event of ``old`` would trip over, by path."""
    return _differences(old, new, old, new, "$")


def _differences(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str
) -> list[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    found = _fields(old, new, old_root, new_root, path)
    for keyword in sorted((old.keys() | new.keys()) - _IGNORED):
        before, after = old.get(keyword), new.get(keyword)
        if keyword == "anyOf" and before is not None and after is not None:
            found += _alternatives(before, after, old_root, new_root, path)
        elif before != after:
            found.append(f"{path}: {keyword} was {before!r} and is {after!r}")
    if _STRICTNESS.index(new.get(EXTENSION)) < _STRICTNESS.index(old.get(EXTENSION)):
        found.append(f"{path}: was {old[EXTENSION]} and is {new.get(EXTENSION, 'of no class')}")
    if "items" in old and "items" in new:
        found += _differences(old["items"], new["items"], old_root, new_root, f"{path}[]")
    return found


def _fields(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> list[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    found = [f"{path}.{name}: was removed" for name in before.keys() - after.keys()]
    newly_required = set(new.get("required", ())) - set(old.get("required", ()))
    found += [f"{path}.{name}: became required" for name in sorted(newly_required)]
    for name in sorted(before.keys() & after.keys()):
        found += _differences(before[name], after[name], old_root, new_root, f"{path}.{name}")
    return found


def _alternatives(
    before: list[Schema], after: list[Schema], old_root: Schema, new_root: Schema, path: str
) -> list[str]:
    if len(before) != len(after):
        return [f"{path}: has {len(after)} alternatives and had {len(before)}"]
    found: list[str] = []
    for old, new in zip(before, after, strict=True):
        found += _differences(old, new, old_root, new_root, path)
    return found


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    resolved: Schema = root["$defs"][str(reference).removeprefix("#/$defs/")]
    return {**resolved, **{name: said for name, said in schema.items() if name != "$ref"}}
