"""What decides by itself, whatever the score: deeds without an honest reason, at places that run unasked."""

from __future__ import annotations

from typing import Final, NamedTuple

from pratique.vet.model import PlacedSign, Reach, Regime


class HardRule(NamedTuple):
    """Signs of a rule (all traits when none are named) from some reach on."""

    rule: str
    traits: frozenset[str]
    reaches: frozenset[Reach]
    reason: str
    diff_only: bool = False
    """Only when it is new against a base: some honest projects have always done it."""
    small_first_only: bool = False
    """Only in a release that is not large and has no base."""


_STARTUP = frozenset({Reach.STARTUP})
_UNASKED = frozenset({Reach.STARTUP, Reach.BUILD})
_EARLY = frozenset({Reach.STARTUP, Reach.BUILD, Reach.IMPORT})
_UPON_IMPORT = _EARLY | {Reach.SUBMODULE}
_RUN = frozenset(reach for reach in Reach if reach >= Reach.CALLED)


def _traits(text: str) -> frozenset[str]:
    return frozenset(text.split())


HARD_RULES: Final[tuple[HardRule, ...]] = (
    HardRule(
        rule="decoded-exec",
        traits=_traits("layers inner-network inner-process"),
        reaches=_UNASKED,
        reason="Decoded code that reaches outside runs without anybody having called it.",
    ),
    HardRule(
        rule="decoded-exec",
        traits=_traits("constant layers marshal decrypt inner-network inner-process"),
        reaches=_EARLY,
        reason="Decoded code that runs unasked is new in a project that had none.",
        diff_only=True,
    ),
    HardRule(
        rule="decoded-exec",
        traits=_traits("marshal-constant"),
        reaches=_EARLY,
        reason="Compiled code that nobody can read is written into a source, and runs unasked.",
    ),
    HardRule(
        rule="hidden-text",
        traits=_traits("far-right"),
        reaches=_EARLY,
        reason="Code stands where no editor shows it, and runs unasked.",
    ),
    HardRule(
        rule="fetched-exec",
        traits=_traits("exec decoded"),
        reaches=_EARLY,
        reason="Whoever has the server decides what runs, unasked and on every machine.",
    ),
    HardRule(
        rule="reverse-shell",
        traits=_traits("descriptors pty pipes loop run-received"),
        reaches=_EARLY,
        reason="A shell is handed to another machine without being asked for.",
    ),
    HardRule(
        rule="download-run",
        traits=_traits("hidden-place dropped"),
        reaches=_UNASKED,
        reason="A program is fetched or unfolded, hidden and started at once.",
    ),
    HardRule(
        rule="exfiltration",
        traits=_traits(
            "environment browser clipboard screen keys cloud sensitive-file to-service host-to-service"
        ),
        reaches=_UNASKED,
        reason="Private data is sent away by installing, or by starting Python.",
    ),
    HardRule(
        rule="command",
        traits=_traits("download-run decode-run reverse-shell powershell-encoded dns-exfiltration"),
        reaches=_UNASKED,
        reason="A command that fetches, unfolds or hands over a shell runs unasked.",
    ),
    HardRule(
        rule="command",
        traits=_traits("download-run decode-run reverse-shell powershell-encoded dns-exfiltration"),
        reaches=_EARLY,
        reason="Importing a project newly runs a command that fetches, unfolds or hands over a shell.",
        diff_only=True,
    ),
    HardRule(
        rule="command",
        traits=_traits("miner"),
        reaches=_RUN,
        reason="A project that did not mine now starts a miner.",
        diff_only=True,
    ),
    HardRule(
        rule="download-run",
        traits=_traits("run load hidden-place dropped import temporary-code"),
        reaches=_EARLY,
        reason="Importing a project newly fetches or unfolds a program and starts it.",
        diff_only=True,
    ),
    HardRule(
        rule="exfiltration",
        traits=_traits("environment browser clipboard screen keys cloud dns"),
        reaches=_EARLY,
        reason="Importing a project newly sends private data away.",
        diff_only=True,
    ),
    HardRule(
        rule="opaque-blob",
        traits=_traits("sound-is-text"),
        reaches=_EARLY,
        reason="A sound whose samples are encoded text is no sound, and code that runs unasked may open it.",
        diff_only=True,
    ),
    HardRule(
        rule="disguised-content",
        traits=_traits("program-as-source"),
        reaches=_RUN,
        reason="A program hides under the name of a source, where every reader of sources passes it by.",
    ),
    HardRule(
        rule="native-injection",
        traits=_traits("shellcode other-process memory-file"),
        reaches=_EARLY,
        reason="Machine code is put into memory and started, unasked.",
    ),
)
"""Each was looked for in the benign archives of evals. One pair of 2,100 has one all the same: virtualenv
1.4.1, which installs what Python runs at its start."""


REVIEW_RULES: Final[tuple[HardRule, ...]] = (
    HardRule(
        rule="decoded-exec",
        traits=_traits("opaque"),
        reaches=_EARLY,
        reason="What nobody can read begins to run unasked: 2 of 3,946 honest pairs of releases did that.",
        diff_only=True,
    ),
    HardRule(
        rule="wheel-not-in-sdist",
        traits=_traits("deed"),
        reaches=_RUN,
        reason="A wheel does what its source does not: 1 of 326 honest wheels did, beside their sdists.",
    ),
    HardRule(
        rule="native-injection",
        traits=_traits("few-bytes memory-only"),
        reaches=_UPON_IMPORT,
        reason="Machine code, or a file that nobody can look at, is new in a project that had none.",
        diff_only=True,
    ),
    HardRule(
        rule="hidden-text",
        traits=_traits("giant"),
        reaches=_UPON_IMPORT,
        reason="No source that large executes what it computes in a thousand honest wheels.",
    ),
    HardRule(
        rule="new-native-code",
        traits=_traits("no-source"),
        reaches=_UPON_IMPORT,
        reason="A source archive brings compiled modules and nothing that they could be made from.",
    ),
    HardRule(
        rule="instruction-injection",
        traits=_traits("asks-for-secrets"),
        reaches=_UPON_IMPORT,
        reason="A source asks the language model that reads it for secrets. Large packages for such models "
        "ship prompts that do, litellm for one; small ones have no reason to.",
        small_first_only=True,
    ),
)
"""What a person has to look at whatever the score: at least `suspicious`."""


def asks_for_review(placed: PlacedSign, regime: Regime, *, large: bool) -> bool:
    """Whether a sign makes a release suspicious by itself."""
    return any(
        rule.rule == placed.sign.rule
        and _matches(rule, placed, regime)
        and not (rule.small_first_only and (large or regime is not Regime.FIRST))
        for rule in REVIEW_RULES
    )


def decides(placed: PlacedSign, regime: Regime) -> bool:
    """Whether a sign makes a release malicious by itself."""
    return any(_matches(rule, placed, regime) for rule in _BY_RULE.get(placed.sign.rule, ()))


def would_decide_if_new(placed: PlacedSign) -> bool:
    """Whether a sign would make a release malicious, had its predecessor not shown it."""
    return decides(placed, Regime.DIFF)


def _matches(rule: HardRule, placed: PlacedSign, regime: Regime) -> bool:
    if rule.diff_only and regime is Regime.FIRST:
        return False
    return placed.reach in rule.reaches and (not rule.traits or placed.sign.trait in rule.traits)


_BY_RULE: Final[dict[str, tuple[HardRule, ...]]] = {
    name: tuple(rule for rule in HARD_RULES if rule.rule == name)
    for name in {rule.rule for rule in HARD_RULES}
}
