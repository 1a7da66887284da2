"""The rules that look at whole releases: one a file, each with its page under docs/rules/."""

from __future__ import annotations

from pratique.vet.model import Context, PlacedSign
from pratique.vet.release.kit import ReleaseRule
from pratique.vet.release.rules.added_dependency import ADDED_DEPENDENCY
from pratique.vet.release.rules.bundled_runtime import BUNDLED_RUNTIME
from pratique.vet.release.rules.disguised_content import DISGUISED_CONTENT
from pratique.vet.release.rules.foreign_namespace import FOREIGN_NAMESPACE
from pratique.vet.release.rules.internal_name import INTERNAL_NAME
from pratique.vet.release.rules.known_bad import KNOWN_BAD
from pratique.vet.release.rules.metadata_change import METADATA_CHANGE
from pratique.vet.release.rules.metadata_oddity import METADATA_ODDITY
from pratique.vet.release.rules.name_squat import NAME_SQUAT
from pratique.vet.release.rules.new_build_step import NEW_BUILD_STEP
from pratique.vet.release.rules.new_destination import NEW_DESTINATION
from pratique.vet.release.rules.new_native_code import NEW_NATIVE_CODE
from pratique.vet.release.rules.new_start_hook import NEW_START_HOOK
from pratique.vet.release.rules.opaque_payload import OPAQUE_PAYLOAD
from pratique.vet.release.rules.provenance_change import PROVENANCE_CHANGE
from pratique.vet.release.rules.pyc_without_source import PYC_WITHOUT_SOURCE
from pratique.vet.release.rules.size_jump import SIZE_JUMP
from pratique.vet.release.rules.star_jacking import STAR_JACKING
from pratique.vet.release.rules.thin_deed import THIN_DEED
from pratique.vet.release.rules.thin_package import THIN_PACKAGE
from pratique.vet.release.rules.unread import UNREAD
from pratique.vet.release.rules.young_dependency import YOUNG_DEPENDENCY
from pratique.vet.release.view import ReleaseView

RELEASE_RULES: tuple[ReleaseRule, ...] = (
    NEW_START_HOOK,
    NEW_BUILD_STEP,
    FOREIGN_NAMESPACE,
    NEW_NATIVE_CODE,
    BUNDLED_RUNTIME,
    DISGUISED_CONTENT,
    OPAQUE_PAYLOAD,
    PYC_WITHOUT_SOURCE,
    ADDED_DEPENDENCY,
    YOUNG_DEPENDENCY,
    PROVENANCE_CHANGE,
    NEW_DESTINATION,
    SIZE_JUMP,
    METADATA_CHANGE,
    NAME_SQUAT,
    STAR_JACKING,
    METADATA_ODDITY,
    INTERNAL_NAME,
    THIN_DEED,
    THIN_PACKAGE,
    UNREAD,
    KNOWN_BAD,
)
"""In the order in which their findings are shown when equally severe."""


def run_release_rules(
    view: ReleaseView, base: ReleaseView | None, context: Context
) -> tuple[tuple[PlacedSign, ...], tuple[str, ...]]:
    """Ask every rule.

    Shape: signs in the rules' order; sentences on rules that failed, which make `unknown`.
    """
    signs: list[PlacedSign] = []
    failed: list[str] = []
    for rule in RELEASE_RULES:
        try:
            signs += rule.run(view, base, context)
        except Exception as error:  # noqa: BLE001 - one broken rule must not hide the others
            failed.append(f"rule {rule.rule.name} failed: {type(error).__name__}")
    return tuple(signs), tuple(failed)
