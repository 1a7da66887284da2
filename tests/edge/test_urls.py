from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from pratique.edge.urls import (
    AddressKind,
    LinkGuard,
    Proxies,
    kind_of_address,
    normalized_pattern,
    shown_url,
)

PUBLIC = URL("https://index.example/simple/")


def refusal(link: str, *, index: URL = PUBLIC, **options: object) -> str:
    return LinkGuard(index, **options).refusal(URL(link, encoded=True), came_from=index)  # type: ignore[arg-type] # options are keyword values


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", AddressKind.PUBLIC),
        ("2001:4860:4860::8888", AddressKind.PUBLIC),
        ("127.0.0.1", AddressKind.LOOPBACK),
        ("127.255.0.9", AddressKind.LOOPBACK),
        ("::1", AddressKind.LOOPBACK),
        ("0.0.0.0", AddressKind.LOOPBACK),
        ("::", AddressKind.LOOPBACK),
        ("::ffff:127.0.0.1", AddressKind.LOOPBACK),
        ("64:ff9b::7f00:1", AddressKind.LOOPBACK),
        ("2002:7f00:0001::", AddressKind.LOOPBACK),
        ("10.1.2.3", AddressKind.PRIVATE),
        ("192.168.0.1", AddressKind.PRIVATE),
        ("172.16.0.1", AddressKind.PRIVATE),
        ("100.100.100.200", AddressKind.PRIVATE),
        ("fd00::1", AddressKind.PRIVATE),
        ("::ffff:10.0.0.1", AddressKind.PRIVATE),
        ("169.254.169.254", AddressKind.SPECIAL),
        ("fe80::1", AddressKind.SPECIAL),
        ("fe80::1%eth0", AddressKind.SPECIAL),
        ("64:ff9b::a9fe:a9fe", AddressKind.SPECIAL),
        ("224.0.0.1", AddressKind.SPECIAL),
        ("255.255.255.255", AddressKind.SPECIAL),
        ("files.example", None),
    ],
)
def test_kinds_of_addresses(address: str, kind: AddressKind | None) -> None:
    assert kind_of_address(address) is kind


@pytest.mark.parametrize(
    "link",
    [
        "https://index.example/packages/a.whl",
        "https://files.example/packages/a.whl",
        "https://8.8.8.8/a.whl",
        "https://index.example:8443/a.whl",
    ],
)
def test_ordinary_links_pass(link: str) -> None:
    assert refusal(link) == ""


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("http://index.example/a.whl", "https to http"),
        ("http://files.example/a.whl", "https to http"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://files.example/a.whl", "scheme"),
        ("gopher://files.example/a", "scheme"),
        ("https://user:secret@files.example/a.whl", "password"),
        ("https://127.0.0.1/a.whl", "loopback"),
        ("https://[::1]/a.whl", "loopback"),
        ("https://[::ffff:169.254.169.254]/latest", "special"),
        ("https://169.254.169.254/latest", "special"),
        ("https://10.0.0.1/a.whl", "private"),
        ("https:///a.whl", "scheme"),
    ],
)
def test_links_to_inner_places_are_refused(link: str, why: str) -> None:
    assert why in refusal(link)


def test_an_index_without_tls_may_name_its_own_host_only() -> None:
    index = URL("http://index.example/simple/")
    assert refusal("http://index.example/a.whl", index=index) == ""
    assert "without https" in refusal("http://files.example/a.whl", index=index)
    assert refusal("https://files.example/a.whl", index=index) == ""


def test_an_index_on_loopback_may_use_loopback_but_nothing_else_inside() -> None:
    index = URL("http://127.0.0.1:8080/simple/")
    assert refusal("http://127.0.0.1:9090/a.whl", index=index) == ""
    assert refusal("https://127.0.0.2/a.whl", index=index) == ""
    assert "private" in refusal("https://10.0.0.1/a.whl", index=index)
    assert "special" in refusal("https://169.254.169.254/latest", index=index)


def test_file_hosts_close_every_other_host_and_open_the_named_ones() -> None:
    hosts = {"file_hosts": ("Files.Example", "10.0.0.9")}
    assert refusal("https://files.example/a.whl", **hosts) == ""
    assert refusal("https://10.0.0.9/a.whl", **hosts) == ""
    assert refusal("https://index.example/a.whl", **hosts) == ""
    assert "file_hosts" in refusal("https://other.example/a.whl", **hosts)
    assert "https to http" in refusal("http://files.example/a.whl", **hosts)


def test_names_that_lead_inside_are_refused_after_resolution() -> None:
    guard = LinkGuard(PUBLIC, file_hosts=("named.example",), proxy_hosts=("proxy.example",))
    assert guard.address_allowed("files.example", "8.8.8.8")
    assert not guard.address_allowed("files.example", "127.0.0.1")
    assert not guard.address_allowed("files.example", "not-an-address")
    assert guard.address_allowed("named.example", "10.0.0.9")
    assert guard.address_allowed("proxy.example", "10.0.0.3")


def test_an_index_that_lives_inside_may_keep_its_files_in_the_same_network() -> None:
    guard = LinkGuard(PUBLIC)
    assert not guard.address_allowed("files.example", "10.0.0.9")
    assert guard.address_allowed("index.example", "10.0.0.2")
    assert guard.address_allowed("files.example", "10.0.0.9")
    assert not guard.address_allowed("files.example", "127.0.0.1")
    guard.address_allowed("index.example", "169.254.0.7")
    assert not guard.address_allowed("files.example", "169.254.169.254")


@given(st.ip_addresses())
def test_no_address_crashes_and_only_public_ones_are_open_to_all(address: object) -> None:
    text = str(address)
    kind = kind_of_address(text)
    assert kind is not None
    allowed = LinkGuard(PUBLIC).address_allowed("files.example", text)
    assert allowed == (kind is AddressKind.PUBLIC)


def test_what_is_shown_of_a_url_holds_no_secret() -> None:
    shown = shown_url("https://user:secret@index.example:8443/a%20b?token=secret#secret")
    assert shown == "https://index.example:8443/a%20b"


@pytest.mark.parametrize(
    ("pattern", "normalized"), [("Acme_*", "acme-*"), ("acme.core", "acme-core"), ("a--b", "a-b")]
)
def test_patterns_are_normalized_like_names(pattern: str, normalized: str) -> None:
    assert normalized_pattern(pattern) == normalized


def test_proxies_are_read_like_curl_does_and_never_used_for_the_own_machine() -> None:
    proxies = Proxies({"https": "http://proxy.example:3128", "no": "inner.example,.corp.example"})
    assert proxies.hosts() == {"proxy.example"}
    assert proxies.proxy_for(URL("https://files.example/")) == URL("http://proxy.example:3128")
    assert proxies.proxy_for(URL("http://files.example/")) is None
    assert proxies.proxy_for(URL("https://a.corp.example/")) is None
    assert proxies.proxy_for(URL("https://127.0.0.1/")) is None
    assert Proxies({}).proxy_for(URL("https://files.example/")) is None
