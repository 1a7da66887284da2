"""`pratique policy`: check the policy file, show what holds, explain a decision."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.edge.advisories import AdvisorySource, LoadedAdvisories
from pratique.errors import InputError, SettingsError, UnavailableError
from pratique.policy.compile import compile_policy
from pratique.policy.decide import with_page_facts
from pratique.policy.default import default_policy_text
from pratique.policy.explain import Explanation, explain_file, render_explanation
from pratique.policy.language import Policy, parse_policy
from pratique.policy.model import Outcome
from pratique.policy.show import EffectiveKey, effective_keys, render_keys
from pratique.settings import Settings, default_home, load_settings
from pratique.values.instants import Instant, now_utc, parse_instant, render_instant
from pratique.values.names import ProjectName, parse_project_name, parse_version

if TYPE_CHECKING:
    from packaging.version import Version

    from pratique.doors.index.pages import Described

_home = click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="Home folder."
)
_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to answer.",
)


@click.group()
def policy() -> None:
    """Check, show and explain the policy."""


@policy.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@_home
@_format
def check(file: Path | None, home: Path | None, form: str) -> None:
    """Say whether a policy file can be used, and what it would mean.

    FILE is the policy of the home folder when left out. Advisories are read too. Exit code 3 when
    some advisory records could not be read.
    """
    path, text = _policy_text(file, home)
    parsed = parse_policy(text, source=str(path))
    loaded = AdvisorySource(parsed, base=path.parent).read(progress=_progress(form))
    compiled = compile_policy(parsed, loaded.index)
    tables = parsed.tables
    answer: dict[str, Any] = {
        "file": str(path),
        "mode": tables.mode,
        "cool_down_hours": tables.cool_down.hours,
        "overrides": len(tables.cool_down.override),
        "deny": len(tables.deny),
        "allow": len(tables.allow),
        "advisories": {
            "read": loaded.read,
            "in_force": loaded.kept,
            "projects": len(loaded.index.projects),
            "left_out": loaded.left_out,
            "warnings": list(loaded.warnings),
        },
        "sha256": compiled.sha256,
    }
    if form == "json":
        _echo_json(answer)
    else:
        _echo_check(path, parsed, loaded)
    sys.exit(EXIT_UNKNOWN if loaded.left_out else EXIT_NOTHING_FOUND)


@policy.command()
@_home
@_format
def show(home: Path | None, form: str) -> None:
    """Show every key of the policy in the home folder; those it does not set are marked."""
    path, text = _policy_text(None, home)
    parsed = parse_policy(text, source=path.name)
    keys = effective_keys(parsed)
    if form == "json":
        _echo_json({"file": str(path), "keys": keys})
        return
    click.echo(f"# {path}")
    click.echo(render_keys(keys))


@policy.command()
@click.argument("release", metavar="NAME==VERSION")
@click.option("--index", help="Index view to ask; the first one configured when left out.")
@click.option("--now", "moment", metavar="INSTANT", help="Decide as of this instant (RFC 3339).")
@_home
@_format
def explain(
    release: str, index: str | None, moment: str | None, home: Path | None, form: str
) -> None:
    """Say what the policy answers for every file of a release, why, and what would change it.

    Exit code 1 when a file is hidden, held or denied, 3 when its page cannot be had.
    """
    project, version = _parse_release(release)
    now = parse_instant(moment) if moment is not None else now_utc()
    settings = load_settings(home)
    view = index or settings.index[0].name
    try:
        described = asyncio.run(_describe(settings, view, project))
    except UnavailableError as error:
        click.echo(f"pratique: {error}", err=True)
        sys.exit(EXIT_UNKNOWN)
    explanations = _explain(described, version, now) if described is not None else []
    if not explanations:
        _nothing_to_explain(described, view, release, form)
    if form == "json":
        _echo_json({"index": view, "release": release, "at": now, "files": explanations})
    else:
        many = "1 file" if len(explanations) == 1 else f"{len(explanations)} files"
        click.echo(f"{project} {version} on {view} at {render_instant(now)}: {many}")
        for explanation in explanations:
            click.echo("\n" + render_explanation(explanation))
    closed = any(e.decision.outcome is not Outcome.ALLOW for e in explanations)
    sys.exit(EXIT_FOUND if closed else EXIT_NOTHING_FOUND)


async def _describe(settings: Settings, index: str, project: ProjectName) -> Described | None:
    # Imported here because check and show need neither a door nor its libraries.
    from pratique.assembly.questions import open_pages  # noqa: PLC0415 - see above

    async with open_pages(settings) as pages:
        return await pages.describe(index, project)


def _explain(described: Described, version: Version, now: Instant) -> list[Explanation]:
    """Decide again at `now`: the page is as of today, the question may be about another day."""
    project = with_page_facts(described.project, described.facts, described.policy, now)
    versions = [d.version for facts in described.facts if (d := facts.distribution) is not None]
    return [
        explain_file(project, facts, described.policy, now, versions=versions)
        for facts in described.facts
        if facts.distribution is not None and facts.distribution.version == version
    ]


def _nothing_to_explain(described: Described | None, index: str, release: str, form: str) -> None:
    """Say that there is no such release, and stop."""
    what = "no such project" if described is None else "the page lists no file of this release"
    if form == "json":
        _echo_json({"index": index, "release": release, "files": [], "problem": what})
    else:
        click.echo(f"{release} on {index}: {what}")
    sys.exit(EXIT_UNKNOWN)


def _parse_release(text: str) -> tuple[ProjectName, Version]:
    name, separator, version = text.partition("==")
    if not separator:
        raise InputError(f"not a release: {text[:80]!r}", expected="NAME==VERSION, litellm==1.82.7")
    return parse_project_name(name.strip()), parse_version(version.strip())


def _policy_text(file: Path | None, home: Path | None) -> tuple[Path, str]:
    """The policy file and its text; a home without one has the default policy."""
    path = file if file is not None else (home or default_home()) / "policy.toml"
    try:
        return path, path.read_text("utf-8")
    except FileNotFoundError:
        if file is None:
            return path, default_policy_text()
        raise SettingsError(f"no file {path}", expected="a policy file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {path}: {error}", expected="a UTF-8 text") from error


def _progress(form: str) -> Any:  # noqa: ANN401 - a callback or None, as `AdvisorySource.read` wants it
    if form != "text" or not sys.stderr.isatty():
        return None

    def tell(done: int, found: int) -> None:
        click.echo(f"\radvisories {done}/{found}", err=True, nl=done == found)

    return tell


def _echo_check(path: Path, parsed: Policy, loaded: LoadedAdvisories) -> None:
    tables = parsed.tables
    click.echo(f"{path}: fine")
    click.echo(f"  mode        {tables.mode}")
    overrides = len(tables.cool_down.override)
    click.echo(f"  cool-down   {tables.cool_down.hours:g} h, {overrides} overrides")
    click.echo(f"  lists       {len(tables.deny)} deny, {len(tables.allow)} allow")
    click.echo(
        f"  advisories  {loaded.read} records read, {loaded.kept} in force "
        f"on {len(loaded.index.projects)} projects"
    )
    for warning in loaded.warnings:
        click.echo(f"  warning: {warning}", err=True)


def _echo_json(value: dict[str, Any] | list[EffectiveKey]) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
