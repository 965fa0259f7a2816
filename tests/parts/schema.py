"""
As much of JSON Schema as the OpenAPI document of the admin API uses.
"""

from typing import Any

KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
KNOWN = {
    *("type", "properties", "required", "items", "additionalProperties", "minimum", "maximum", "maxLength"),
    *("description", "enum", "$ref"),
}


def faults(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$") -> list[str]:
    """
    Where `value` is not what `schema` says; references are looked up in `document`.
    """
    assert set(schema) <= KNOWN, f"{at}: this checker doesn't know {set(schema) - KNOWN}"
    if "$ref" in schema:
        return faults(value, resolved(schema["$ref"], document), document, at)
    wanted = schema.get("type", list(KINDS))
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if not any(isinstance(value, KINDS[kind]) and (kind == "boolean" or value is not True) for kind in kinds):
        return [f"{at} is no {' or '.join(kinds)}"]
    found = []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            below = known.get(name, schema.get("additionalProperties", {}))
            found += faults(item, below, document, f"{at}.{name}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += faults(item, schema.get("items", {}), document, f"{at}[{index}]")
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{at} is out of its bounds")
    if value not in schema.get("enum", [value]):
        found.append(f"{at} is none of its values")
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        found.append(f"{at} is too long")
    return found


def resolved(reference: str, document: dict[str, Any]) -> Any:
    """
    What a `$ref` within the document stands for.
    """
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found
