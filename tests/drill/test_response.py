"""What the drill asks afterwards, with the real commands and machines made by hand: no network."""

from __future__ import annotations

import asyncio
import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from drill.test_releases import clean_sdist, clean_wheel
from pratique.drill import scenery
from pratique.drill.checks import Check, Ground, Response
from pratique.drill.commands import Operator
from pratique.drill.releases import CLEAN, Archive, poisoned_sdist, poisoned_wheel
from pratique.drill.remedy import look_for_secret
from pratique.drill.response import respond
from pratique.errors import UnavailableError
from pratique.home import prepare_home

pytestmark = pytest.mark.slow


def releases() -> dict[str, list[Archive]]:
    wheel, sdist = clean_wheel(), clean_sdist()
    made = {
        CLEAN: [
            Archive(filename=f"litellm-{CLEAN}-py3-none-any.whl", content=wheel),
            Archive(filename=f"litellm-{CLEAN}.tar.gz", content=sdist),
        ]
    }
    for version, with_pth in (("1.82.7", False), ("1.82.8", True)):
        made[version] = [
            poisoned_wheel(wheel, version, with_pth=with_pth),
            poisoned_sdist(sdist, version, with_pth=with_pth),
        ]
    return made


def machine(folder: Path, wheel: Archive) -> Path:
    """An environment that has the wheel, as an installer leaves it."""
    site = folder / "env" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (folder / "env" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n")
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        archive.extractall(site)
    return folder


def ground(folder: Path, *, bare: str = "1.82.8") -> Ground:
    made = releases()
    home = folder / "home"
    prepare_home(home)
    return Ground(
        scratch=folder,
        home=home,
        unprotected=machine(folder / "unprotected", made[bare][0]),
        protected=[machine(folder / "pip", made[CLEAN][0])],
        releases=made,
    )


def told(checks: list[Check]) -> str:
    return "\n".join(f"{'' if c.holds else 'NOT SO: '}{c.command} | {c.told}" for c in checks)


def test_all_that_is_asked_comes_back_as_it_must(tmp_path: Path) -> None:
    checks = asyncio.run(respond(ground(tmp_path)))
    assert all(check.holds for check in checks), told(checks)
    said = told(checks)
    assert f"{scenery.UNPROTECTED}: probable, installed" in said
    assert f"{scenery.RUN_CUT}: unknown, unreadable" in said
    assert f"{scenery.RUN_7}: cleared → probable" in said
    assert "exposed from 2026-03-24T10:58:00Z to 2026-03-25T09:00:00Z" in said
    assert "every byte holds; with one bit changed: refused" in said
    if shutil.which("git") is not None:
        assert "(git-history, locks, secrets)" in said
        assert "does not name: by its workflow" in said
    case = (tmp_path / "case.xpz").read_bytes().lower()
    assert scenery.CLIENT.lower().encode() in case
    assert scenery.OTHER_CLIENT.lower().encode() not in case


def test_a_machine_that_did_not_have_it_fails_the_drill(tmp_path: Path) -> None:
    """Every check can fail: one that says yes to everything would show nothing."""
    checks = asyncio.run(respond(ground(tmp_path, bare=CLEAN)))
    failed = [check.told for check in checks if not check.holds]
    assert any(text.startswith(f"{scenery.UNPROTECTED}: ") for text in failed), told(checks)
    assert "exposed from never to now" in failed


def test_a_credential_value_in_the_home_folder_is_found(tmp_path: Path) -> None:
    place = ground(tmp_path)
    operator = Operator(folder=tmp_path / "operator", home=place.home)
    response = Response(ground=place, operator=operator, progress=lambda _: None)
    secret = scenery.plant_credentials(place.unprotected)
    (place.home / "notes").write_text(f"the token is {secret}, do not tell")
    case = tmp_path / "case.xpz"
    case.write_bytes(b"")
    asyncio.run(operator.do("sweep", str(place.unprotected), "--asset", scenery.UNPROTECTED))
    asyncio.run(look_for_secret(response, secret, case))
    assert [check.holds for check in response.checks] == [False]


def test_a_command_that_cannot_be_carried_out_ends_the_drill(tmp_path: Path) -> None:
    place = replace(ground(tmp_path), home=tmp_path / "unprotected" / "pyvenv.cfg")
    operator = Operator(folder=tmp_path / "operator", home=place.home)
    with pytest.raises(UnavailableError, match="pratique incident ended with 2"):
        asyncio.run(operator.ask("incident", "show", "nothing"))
