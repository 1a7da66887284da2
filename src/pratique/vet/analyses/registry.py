"""All analyses of Python, and how they run over one file: side by side, none able to hide another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pratique.vet.analyses import (
    anti_analysis,
    build_hook,
    command,
    credential_access,
    decoded_exec,
    destructive,
    download_run,
    exfiltration,
    fetched_exec,
    hidden_names,
    import_hook,
    native_injection,
    network,
    obfuscation,
    persistence,
    reverse_shell,
    self_install,
    sinks,
    surveillance,
    unasked_deed,
    unusual_code,
    worm,
)
from pratique.vet.analyses.kit import PythonAnalysis
from pratique.vet.analyses.reading import Reading
from pratique.vet.model import Sign
from pratique.vet.python.model import PythonFile

PYTHON_ANALYSES: tuple[PythonAnalysis, ...] = (
    decoded_exec.ANALYSIS,
    fetched_exec.ANALYSIS,
    download_run.ANALYSIS,
    exfiltration.ANALYSIS,
    credential_access.ANALYSIS,
    command.ANALYSIS,
    reverse_shell.ANALYSIS,
    persistence.ANALYSIS,
    anti_analysis.ANALYSIS,
    native_injection.ANALYSIS,
    surveillance.ANALYSIS,
    hidden_names.ANALYSIS,
    build_hook.ANALYSIS,
    import_hook.ANALYSIS,
    self_install.ANALYSIS,
    destructive.ANALYSIS,
    worm.ANALYSIS,
    network.ANALYSIS,
    obfuscation.ANALYSIS,
    unasked_deed.ANALYSIS,
    unusual_code.ANALYSIS,
    sinks.ANALYSIS,
)
"""In the order in which their findings are shown when equally severe."""

MAX_ALIKE = 2
"""Signs of one trait kept per region that show the same: the score counts a feature once, a person needs an
example. What shows something else is kept, since beside old signs of its kind it may be news."""
MAX_SIGNS = 400
"""Signs kept per analysis and file: beyond, a file says the same again and again. The first of a trait in a
region is kept all the same, so that nobody fills an analysis with harmless ones ahead of a deed."""


def run_analyses(
    file: PythonFile, analyses: Sequence[PythonAnalysis] = PYTHON_ANALYSES
) -> tuple[tuple[Sign, ...], tuple[str, ...]]:
    """Run every analysis over a file as read.

    Shape: signs by line, column, rule, trait; sentences on what could not be examined. An analysis that
    crashes is named there and keeps nothing of what the others saw from showing.
    """
    reading = Reading(file)
    signs: list[Sign] = []
    unfinished: list[str] = []
    for analysis in analyses:
        kept: Counter[tuple[str, int, str]] = Counter()
        first: set[tuple[str, int]] = set()
        total = 0
        try:
            for sign in analysis.run(reading):
                key = (sign.trait, sign.region, sign.shown or sign.excerpt)
                if kept[key] >= MAX_ALIKE or (total >= MAX_SIGNS and key[:2] in first):
                    continue
                kept[key] += 1
                total += 1
                first.add(key[:2])
                signs.append(sign)
        except RecursionError:
            unfinished.append(f"analysis {analysis.rule.name}: the code is nested too deeply")
        except Exception as error:  # noqa: BLE001 - one broken analysis must not hide the others
            unfinished.append(f"analysis {analysis.rule.name} failed: {type(error).__name__}")
    signs.sort(key=lambda s: (s.line, s.column, s.rule, s.trait, s.layer))
    return tuple(signs), tuple(unfinished)
