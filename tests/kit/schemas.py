"""Documents against published schemas.

The validators take seconds to import, since one of their libraries makes three dozen grammars: only
whoever asks pays for that, and not every process that collects tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def assert_fits(document: object, schema: Mapping[str, Any]) -> None:
    """Check a document against a JSON schema."""
    import jsonschema  # noqa: PLC0415 - slow to import

    jsonschema.validate(document, schema)


def checker_of(schema: Mapping[str, Any]) -> Any:
    """A validator of the 2020-12 draft that checks formats, too."""
    import jsonschema  # noqa: PLC0415 - slow to import

    draft = jsonschema.Draft202012Validator
    return draft(schema, format_checker=draft.FORMAT_CHECKER)


def cyclonedx_errors(text: str) -> object:
    """What the strict schema of CycloneDX 1.6 objects to; None when it is nothing."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - as above
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - slow to import

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


def croissant_of(described: Mapping[str, Any]) -> Any:
    """A description as the reference library of Croissant reads it; raises what it objects to."""
    import mlcroissant  # noqa: PLC0415 - slow to import: it brings pandas

    return mlcroissant.Dataset(jsonld=described).metadata


def linked_data_of(text: str) -> Any:
    """JSON-LD as a graph."""
    import rdflib  # noqa: PLC0415 - slow to import

    return rdflib.Graph().parse(data=text, format="json-ld")
