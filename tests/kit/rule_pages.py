"""The page of a rule under docs/rules/, made from its words and its first specimen, so that they agree."""

from __future__ import annotations

from pathlib import Path

from kit.specimens import Specimen
from pratique.vet.analyses.kit import Rule

REMEDY = (
    "Read the place that the finding names, with what it comes to after decoding. If the project is entitled"
    " to it, record a review with the reason, or a [waiver](waiver.md) for the one file; if not, deny the"
    " release with a [deny-list](deny-list.md) entry and tell the index."
)


def page_of(rule: Rule, example: Specimen) -> str:
    """The whole text of docs/rules/NAME.md."""
    rows = [
        f"| `{name}` | {trait.sentence} | {trait.severity.value} | {trait.confidence.value} |"
        for name, trait in rule.traits.items()
    ]
    techniques = ", ".join(
        f"[{ident}](https://attack.mitre.org/techniques/{ident.replace('.', '/')}/)"
        for ident in rule.techniques
    )
    source = example.path.read_text("utf-8").split("\n", 1)[1].strip("\n")
    return "\n".join(
        [
            f"# Rule: {rule.name}",
            "",
            f"**Meaning.** {rule.title}. {rule.what} {rule.danger}",
            "",
            f"**Honest reasons.** {rule.benign}",
            "",
            "| trait | the code … | severity | confidence |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "**Example.** Inert; the rule catches it.",
            "",
            "```python",
            source,
            "```",
            "",
            f"**Remedy.** {REMEDY}",
            "",
            f"ATT&CK: {techniques}",
            "",
        ]
    )


def write_or_compare(path: Path, text: str, *, write: bool) -> None:
    """Write a page, or assert that it stands as it should."""
    if write:
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text
