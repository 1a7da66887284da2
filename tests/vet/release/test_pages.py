"""Each rule over whole releases has a page that says what the rule says."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.rule_pages import write_or_compare
from pratique.vet.analyses.kit import Rule
from pratique.vet.archive_signs import RULE as ARCHIVE_ODDITY
from pratique.vet.release.rules import RELEASE_RULES
from pratique.vet.release.rules.wheel_not_in_sdist import RULE as WHEEL_NOT_IN_SDIST

PAGES = Path(__file__).parents[3] / "docs" / "rules"
ELSEWHERE = {"known-bad"}  # its page belongs to the analysis of contents of the same name
RULES = (
    *(rule.rule for rule in RELEASE_RULES if rule.rule.name not in ELSEWHERE),
    WHEEL_NOT_IN_SDIST,
)

SENTENCES = "the release or file …"
WHOLE_SENTENCES = {"archive-oddity": "as reports say it"}  # its traits tell a problem, not a deed

EXAMPLES = {
    "archive-oddity": "`thing/main.py` lies twice in the zip: pip unpacks one, a scanner sees the other.",
    "new-start-hook": "`thing_init.pth:1` adds code for every interpreter start; 1.4.0 had none.",
    "new-build-step": "`setup.py` came with 2.1; 2.0 was built from `pyproject.toml` alone.",
    "foreign-namespace": "A wheel of `handy-tools` contains `requests/__init__.py`.",
    "new-native-code": "`thing-1.4.1-py3-none-any.whl` contains `thing/_core.so`; 1.4.0 had no machine code.",
    "bundled-runtime": "`thing/vendor/bun`, 52 MB, an interpreter of JavaScript.",
    "disguised-content": "`thing/assets/logo.png` is an ELF program.",
    "opaque-payload": "`thing/_load.py:3` opens and executes; `thing/blob.bin` has 40 kB of no known format.",
    "pyc-without-source": "`thing/_core.pyc` without `thing/_core.py`.",
    "added-dependency": "`requsets>=2` in a release whose predecessor needed `requests`.",
    "young-dependency": "`plain-helper>=1` came with this release; it was first uploaded yesterday.",
    "provenance-change": "2.3.1 was attested by `github.com/thing/thing`; 2.3.2 has no attestation.",
    "new-destination": "`thing/report.py:12` names `collect.example`; nothing in 1.4.0 did.",
    "size-jump": "`thing/proxy.py` grew from 3,100 to 94,000 bytes.",
    "metadata-change": "Author `A. Person` became `B. Other`, and the home page has another owner.",
    "name-squat": "`requsets` for `requests`.",
    "star-jacking": "`handy-tools` shows `https://github.com/psf/requests` as its repository.",
    "metadata-oddity": "Version 99.9.9, no description, author `test`.",
    "internal-name": "`acme-internal-auth` 99.0 on the public index.",
    "thin-deed": "A package of 900 bytes without a description, whose `setup.py:4` talks to the network.",
    "thin-package": "A `setup.py` of 900 bytes and an empty `__init__.py`.",
    "unread": "`thing/data.7z` is encrypted.",
    "wheel-not-in-sdist": "`thing_init.pth` is in the wheel, and in no sdist of the release.",
}

REMEDY = (
    "Look at the place that the finding names, beside the release before. If the reason is honest, record"
    " a review with it, or a [waiver](waiver.md) for the one file; if not, deny the release with a"
    " [deny-list](deny-list.md) entry and tell the index."
)


def page_of(rule: Rule) -> str:
    rows = [
        f"| `{name}` | {trait.sentence} | {trait.severity.value} | {trait.confidence.value} |"
        for name, trait in rule.traits.items()
    ]
    techniques = ", ".join(
        f"[{ident}](https://attack.mitre.org/techniques/{ident.replace('.', '/')}/)"
        for ident in rule.techniques
    )
    return "\n".join(
        [
            f"# Rule: {rule.name}",
            "",
            f"**Meaning.** {rule.title}. {rule.what} {rule.danger}",
            "",
            f"**Honest reasons.** {rule.benign}",
            "",
            f"| trait | {WHOLE_SENTENCES.get(rule.name, SENTENCES)} | severity | confidence |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            f"**Example.** {EXAMPLES[rule.name]}",
            "",
            f"**Remedy.** {REMEDY}",
            "",
            f"ATT&CK: {techniques}",
            "",
        ]
    )


@pytest.mark.parametrize("rule", [*RULES, ARCHIVE_ODDITY], ids=lambda rule: rule.name)
def test_the_page_of_a_rule_says_what_the_rule_says(
    rule: Rule, request: pytest.FixtureRequest
) -> None:
    write = bool(request.config.getoption("--update-specimens", default=False))
    write_or_compare(PAGES / f"{rule.name}.md", page_of(rule), write=write)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_words_of_a_rule_read_as_sentences(rule: Rule) -> None:
    for words in (rule.what, rule.danger, rule.benign):
        assert words[0].isupper()
        assert words.endswith(".")
    assert rule.traits
    for trait in rule.traits.values():
        assert trait.sentence[0].islower()
        assert not trait.sentence.endswith(".")
