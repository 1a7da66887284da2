"""Whose a name is: private names stay private, and the first origin of a name keeps it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kit.distributions import make_wheel
from kit.shop import NOW, OLD, OpenShop, Shop
from kit.upstream import FakeUpstream, garbage, status

SETTINGS = """
[[upstream]]
name = "public"
url = "{{upstream}}"
[[upstream]]
name = "ours"
url = "{ours}"
private = true
names = ["acme-*"]
[[index]]
name = "pypi"
upstreams = ["public", "ours"]
"""


@pytest.fixture
def ours() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def shop(open_shop: OpenShop, ours: FakeUpstream) -> Shop:
    return open_shop(settings=SETTINGS.format(ours=ours.url))


def _publish(upstream: FakeUpstream, name: str, version: str) -> bytes:
    filename, content = make_wheel(name, version)
    upstream.add_file(name, filename, content, upload_time=OLD)
    return content


def _versions(shop: Shop, project: str) -> set[str]:
    return {f["filename"].split("-")[1] for f in shop.door.page(project)["files"]}


def test_a_reserved_name_is_never_asked_for_in_public(shop: Shop, ours: FakeUpstream) -> None:
    _publish(shop.upstream, "acme-tools", "99.0")
    assert shop.door.ask("/pypi/simple/acme-tools/").status == 404
    assert shop.door.ask("/pypi/packages/a/b/acme_tools-99.0-py3-none-any.whl").status == 404
    path = shop.upstream.projects["acme-tools"].files["acme_tools-99.0-py3-none-any.whl"].path
    for suffix in ("", ".metadata", ".provenance"):
        assert shop.door.ask(f"/pypi{path}{suffix}").status == 404
    assert shop.upstream.count() == 0
    assert ours.count("/simple/acme-tools/") >= 1


def test_a_private_index_that_is_down_is_not_one_that_says_no(
    shop: Shop, ours: FakeUpstream
) -> None:
    """Else an attacker need only wait for an outage to be asked for an internal name."""
    _publish(shop.upstream, "internal", "99.0")
    _publish(ours, "internal", "1.0")
    ours.down()
    assert shop.door.ask("/pypi/simple/internal/").status == 503
    assert shop.upstream.count() == 0
    ours.up()
    ours.fault("*", status(403))
    shop.door.clock.advance(minutes=1)
    assert shop.door.ask("/pypi/simple/internal/").status == 503
    assert shop.upstream.count() == 0
    ours.clear_faults()
    shop.door.clock.advance(minutes=1)
    assert _versions(shop, "internal") == {"1.0"}
    assert shop.upstream.count() == 0, "an internal name was told to the public index"


def test_a_private_name_shadows_the_public_one_whatever_the_versions(
    shop: Shop, ours: FakeUpstream
) -> None:
    _publish(shop.upstream, "shared", "99.0")
    _publish(ours, "shared", "1.0")
    assert _versions(shop, "shared") == {"1.0"}
    [entry] = shop.door.entries("origin", subject="pypi/shared")
    assert entry.body["upstream"] == "ours"


def test_the_first_origin_keeps_the_name(shop: Shop, ours: FakeUpstream) -> None:
    """A public project cannot be replaced by a later private one by accident, nor the other way."""
    _publish(shop.upstream, "first", "1.0")
    assert _versions(shop, "first") == {"1.0"}
    _publish(ours, "first", "5.0")
    shop.door.clock.advance(hours=1)
    assert _versions(shop, "first") == {"1.0"}
    shop.upstream.remove_project("first")
    shop.door.clock.advance(hours=1)
    answer = shop.door.ask("/pypi/simple/first/")
    assert answer.status == 404, "the name stays with its origin even when that has dropped it"


def test_a_private_release_needs_no_cool_down(shop: Shop, ours: FakeUpstream) -> None:
    filename, content = make_wheel("acme-tools", "1.0")
    ours.add_file("acme-tools", filename, content, upload_time=NOW)
    [file] = shop.door.page("acme-tools")["files"]
    assert file["yanked"] is False
    assert (
        shop.door.ask(shop.door.path_of(file["url"], below="/pypi/simple/acme-tools/")).body
        == content
    )


def test_credentials_of_an_upstream_go_to_it_alone(
    open_shop: OpenShop, ours: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.credentials = ("robot", "s3cret")
    monkeypatch.setenv("OURS_USER", "robot")
    monkeypatch.setenv("OURS_PASSWORD", "s3cret")
    settings = SETTINGS.replace(
        "private = true",
        'private = true\nusername_env = "OURS_USER"\npassword_env = "OURS_PASSWORD"',
    )
    shop = open_shop(settings=settings.format(ours=ours.url))
    content = _publish(ours, "acme-tools", "1.0")
    _publish(shop.upstream, "demo", "1.0")
    [file] = shop.door.page("acme-tools")["files"]
    path = shop.door.path_of(file["url"], below="/pypi/simple/acme-tools/")
    assert shop.door.ask(path).body == content
    shop.door.page("demo")
    assert all("authorization" not in r.headers for r in shop.upstream.requests)
    # A link of the private index that leads elsewhere is followed without its password, or not at all.
    ours.projects["acme-tools"].files[file["filename"]].extra["url"] = (
        f"{shop.upstream.origin}/packages/x/acme_tools-1.0-py3-none-any.whl"
    )
    ours.touch("acme-tools")
    shop.door.clock.advance(hours=1)
    shop.door.drop_blobs()
    shop.door.ask("/pypi/packages/x/acme_tools-1.0-py3-none-any.whl")
    assert all("authorization" not in r.headers for r in shop.upstream.requests)
    assert b"s3cret" not in shop.door.everything_written()


def test_one_broken_page_does_not_close_the_whole_upstream(shop: Shop) -> None:
    _publish(shop.upstream, "demo", "1.0")
    for fault in (garbage(), status(403)):
        shop.upstream.fault("/simple/broken/", fault)
        assert shop.door.ask("/pypi/simple/broken/").status == 503
        assert shop.door.ask("/pypi/simple/demo/").status == 200
        shop.door.clock.advance(hours=1)


def test_an_index_view_has_only_its_own_upstreams(open_shop: OpenShop, ours: FakeUpstream) -> None:
    shop = open_shop(
        settings=SETTINGS.format(ours=ours.url)
        + '[[index]]\nname = "public-only"\nupstreams = ["public"]\n'
    )
    content = _publish(ours, "acme-tools", "1.0")
    [file] = shop.door.page("acme-tools")["files"]
    path = shop.door.path_of(file["url"], below="/pypi/simple/acme-tools/")
    assert shop.door.ask(path).body == content
    assert shop.door.ask("/public-only/simple/acme-tools/").status == 404
    assert shop.door.ask(path.replace("/pypi/", "/public-only/")).status == 404
