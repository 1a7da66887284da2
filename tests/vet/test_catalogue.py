"""The catalogue of names."""

import re
from pathlib import Path

import pytest

import pratique.vet
from pratique.vet.catalogue import catalogue
from pratique.vet.model import Capability


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("urllib2.urlopen", "urllib.request.urlopen"),
        ("six.moves.urllib.request.urlopen", "urllib.request.urlopen"),
        ("posix.system", "os.system"),
        ("__builtin__.file", "builtins.open"),
        ("ctypes.windll.kernel32.VirtualAlloc", "ctypes.WinDLL().kernel32.VirtualAlloc"),
        ("pip._internal.main", "pip.main"),
        ("requests.session().post", "requests.Session().post"),
        ("mine.own", "mine.own"),
    ],
)
def test_names_have_one_spelling(written: str, usual: str) -> None:
    assert catalogue().canonical(written) == usual


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("os.system", {"process.run"}),
        ("requests.Session().post", {"network.send", "network.receive"}),
        ("sh.anything.at.all", {"process.run"}),
        ("?.sendall", {"network.send"}),
        ("unknown.sendall", {"network.send"}),
        ("os.path.join", set()),
        ("collections.deque().append", set()),
    ],
)
def test_roles(name: str, roles: set[str]) -> None:
    assert catalogue().look_up(name).roles == roles


def test_roles_imply_capabilities() -> None:
    assert catalogue().look_up("keyring.get_password").capabilities == {Capability.CREDENTIALS}
    assert catalogue().look_up("time.sleep").capabilities == frozenset()


def test_every_name_is_in_its_usual_spelling() -> None:
    odd = [name for name in catalogue().names() if catalogue().canonical(name) != name]
    assert odd == []


def test_every_name_is_written_as_the_reader_writes_names() -> None:
    shape = re.compile(r"\w+(\(\))?(\.\w+(\(\))?)*")
    assert [name for name in catalogue().names() if not shape.fullmatch(name)] == []


def test_no_name_stands_twice_in_a_role() -> None:
    text = (Path(pratique.vet.__file__).parent / "catalogue.toml").read_text(encoding="utf-8")
    for role in text.split("[roles.")[1:]:
        names = re.findall(r'"([^"]+\.[^"]+)"', role.split("\n[", 1)[0].partition("names = ")[2])
        assert len(names) == len(set(names)), role[:30]
