"""Rewriting exchanges fronts and nothing else, and the way back gives every byte."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from kit.locks import ALL, DEMO, FILES, INDEX, Pin, pdm_lock, poetry_lock, requirements, uv_lock
from pratique.inventory.addresses import DoorAddress, parse_door
from pratique.inventory.locks import read_lock
from pratique.inventory.model import LockKind
from pratique.inventory.rewrite import (
    Exchange,
    RewriteError,
    Rewritten,
    needs_files_front,
    parse_exchange,
    plan_to_door,
    plan_to_upstream,
    rewrite,
)

DOOR = DoorAddress(base="http://127.0.0.1:8420/pypi")


def to_door(path: str, text: str, *maps: Exchange) -> Rewritten:
    document = read_lock(path, text.encode())
    return rewrite(text, document.kind, plan_to_door(document, DOOR, maps))


def to_upstream(
    path: str, text: str, *, front: str = FILES, maps: tuple[Exchange, ...] = ()
) -> str:
    document = read_lock(path, text.encode())
    plan = plan_to_upstream(document, DOOR, index_url=INDEX, files_front=front, given=maps)
    return rewrite(text, document.kind, plan).text


@pytest.mark.parametrize("path", ["uv.lock", "pylock.toml"])
def test_there(path: str) -> None:
    result = to_door(path, ALL[path]())
    assert result.text == ALL[path](index=DOOR.simple, files=DOOR.packages)
    assert result.reversible


@pytest.mark.parametrize("path", list(ALL))
def test_there_and_back(path: str) -> None:
    text = ALL[path]()
    result = to_door(path, text)
    assert to_upstream(path, result.text) == text


def test_other_kinds_there_and_back() -> None:
    for path, text in (
        ("pdm.lock", pdm_lock(files=FILES)),
        ("poetry.lock", poetry_lock(index=INDEX)),
        ("requirements.txt", f"--index-url={INDEX}/\n-i {INDEX}\n" + requirements()),
    ):
        result = to_door(path, text)
        assert result.changed
        assert INDEX not in result.text
        assert result.reversible
        assert to_upstream(path, result.text) == text


@pytest.mark.slow
@given(
    pins=st.lists(
        st.builds(
            Pin,
            name=st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True),
            version=st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}", fullmatch=True),
        ),
        max_size=6,
    ),
    index=st.sampled_from([
        INDEX, INDEX + "/", "https://Index.Example/simple", "https://u:p@index.example/a/simple/",
        "http://index.example:8080/simple",
    ]),
    files=st.sampled_from([
        FILES, "https://files.example/", "https://files.example/packages/packages/",
        "https://index.example/whl/cpu/", "HTTPS://Files.example/packages/",
    ]),
    door=st.sampled_from([
        "http://127.0.0.1:8420/pypi", "https://door.example/pypi/simple/", "https://d.example/a/b",
    ]),
    ends=st.sampled_from(["\n", "\r\n"]),
    path=st.sampled_from(["uv.lock", "pylock.toml"]),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_the_way_back_gives_every_byte(
    pins: list[Pin], index: str, files: str, door: str, ends: str, path: str
) -> None:
    address = parse_door(door)
    assert address is not None
    text = ALL[path](pins, index=index, files=files).replace("\n", ends)
    document = read_lock(path, text.encode())
    there = rewrite(text, document.kind, plan_to_door(document, address, ()))
    assert there.reversible
    changed = read_lock(path, there.text.encode())
    assert all(
        address.serves(url)
        for p in changed.packages
        for url in [*(f.url for f in p.files), *([p.source.url] if p.source.url != "." else [])]
    )
    plan = plan_to_door(document, address, ())
    back = rewrite(there.text, document.kind, [e.inverse() for e in plan])
    assert back.text == text


def test_only_urls_change() -> None:
    text = uv_lock().replace(
        "[[package]]",
        f'# see {FILES}x and url = "{FILES}c"\n[[package]]',
        1,
    )
    text += f'\n[tool]\nnote = "{FILES}y"\nhomepage = "{INDEX}"\ngit = "{INDEX}"\n'
    result = to_door("uv.lock", text)
    assert f'note = "{FILES}y"' in result.text
    assert f'homepage = "{INDEX}"' in result.text
    assert f'git = "{INDEX}"' in result.text
    assert f"# see {FILES}x" in result.text


def test_comments_of_requirements_stay() -> None:
    text = f"# from {INDEX}\n--index-url {INDEX}  # not {INDEX}\ndemo==1.0\n"
    result = to_door("requirements.txt", text)
    assert result.text == f"# from {INDEX}\n--index-url {DOOR.simple}  # not {INDEX}\ndemo==1.0\n"


def test_nothing_to_do_twice() -> None:
    once = to_door("uv.lock", uv_lock())
    again = to_door("uv.lock", once.text)
    assert (again.text, again.changed) == (once.text, 0)


def test_a_mixed_file_is_led_through_but_cannot_be_undone_exactly() -> None:
    mixed = uv_lock().replace(FILES, DOOR.packages, 1)
    result = to_door("uv.lock", mixed)
    assert FILES not in result.text
    assert not result.reversible


def test_two_upstreams_are_not_merged_into_one() -> None:
    other = uv_lock(DEMO[1:], index="https://private.example/simple", files="https://p.example/x/")
    both = uv_lock(DEMO[:1]) + other.partition("\n\n")[2].replace('name = "the-app"', 'name = "b"')
    document = read_lock("uv.lock", both.encode())
    with pytest.raises(RewriteError, match="names 2 indexes") as caught:
        plan_to_door(document, DOOR, ())
    assert "--map" in str(caught.value)
    private = "http://127.0.0.1:8420/private"
    maps = (
        Exchange(old="https://private.example/simple", new=f"{private}/simple"),
        Exchange(old="https://p.example/", new=f"{private}/packages/"),
    )
    result = to_door("uv.lock", both, *maps)
    assert result.reversible
    assert f"{private}/packages/x/" in result.text
    assert "private.example" not in result.text
    assert "p.example" not in result.text


def test_the_longest_front_wins() -> None:
    maps = [
        Exchange(old="https://a.example/packages/", new="https://x.example/"),
        Exchange(old="https://a.example/packages/private/", new="https://y.example/"),
    ]
    text = 'url = "https://a.example/packages/private/z"\nurl = "https://a.example/packages/z"\n'
    result = rewrite(text, LockKind.UV, maps)
    assert result.text == 'url = "https://y.example/z"\nurl = "https://x.example/z"\n'


def test_an_index_is_exchanged_as_a_whole_only() -> None:
    swap = [Exchange(old=INDEX, new="https://d.example/simple")]
    text = f'url = "{INDEX}-more/x"\nurl = "{INDEX}/x"\nregistry = "{INDEX}//"\n'
    result = rewrite(text, LockKind.UV, swap)
    assert (
        result.text
        == f'url = "{INDEX}-more/x"\nurl = "{INDEX}/x"\nregistry = "https://d.example/simple//"\n'
    )


def test_the_way_to_the_upstream_needs_its_file_host() -> None:
    text = uv_lock(index=DOOR.simple, files=DOOR.packages)
    document = read_lock("uv.lock", text.encode())
    assert needs_files_front(document, DOOR, ())
    with pytest.raises(RewriteError, match="where the upstream keeps its files"):
        plan_to_upstream(document, DOOR, index_url=INDEX, files_front="", given=())
    given = (Exchange(old=DOOR.packages, new=FILES),)
    assert not needs_files_front(document, DOOR, given)
    assert to_upstream("uv.lock", text, front="", maps=given) == uv_lock()
    partly = text.replace(DOOR.packages, FILES, 1)
    assert to_upstream("uv.lock", partly, front="") == uv_lock()


@pytest.mark.parametrize(
    "text", ["", "a=b", "https://a.example/", "https://a.example/=https://b.example", "x=https://b"]
)
def test_bad_exchanges(text: str) -> None:
    with pytest.raises(RewriteError):
        parse_exchange(text)


def test_good_exchanges() -> None:
    assert parse_exchange("https://a.example/?q=1/=http://b/") == Exchange(
        old="https://a.example/?q=1/", new="http://b/"
    )
