"""SBOMs: against the reference libraries, against broken documents, against bombs."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packageurl import PackageURL

from pratique.inventory.observed.model import Stage
from pratique.inventory.sboms import read_sbom
from pratique.inventory.sboms.purls import item_of_purl
from pratique.inventory.sboms.reading import is_sbom_name, looks_like_sbom

HASH = "a" * 64
NAME = st.from_regex(r"[a-z][a-z0-9]{0,8}([._-][a-z0-9]{1,4})?", fullmatch=True)
VERSION = st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}(\+[a-z0-9]{1,4}|-rc\.[0-9])?", fullmatch=True)
KIND = st.sampled_from(["pypi", "npm", "deb", "cargo", "golang", "github", "oci", "maven"])


@pytest.mark.slow
@given(
    KIND,
    st.one_of(st.none(), NAME, NAME.map(lambda name: f"@{name}")),
    NAME,
    st.one_of(st.none(), VERSION, st.text(max_size=8)),
    st.dictionaries(NAME, st.text(max_size=8), max_size=2),
    st.one_of(st.none(), NAME),
)
@settings(max_examples=300)
def test_cutting_purls_gives_what_parsing_them_gives(
    kind: str,
    namespace: str | None,
    name: str,
    version: str | None,
    qualifiers: dict,
    subpath: str | None,
) -> None:
    qualifiers = {
        key: value for key, value in qualifiers.items() if key not in {"checksum", "file_name"}
    }
    try:
        purl = PackageURL(kind, namespace, name, version, qualifiers, subpath)
        text = purl.to_string()
        told = PackageURL.from_string(text)
    except ValueError:
        return
    item = item_of_purl(text)
    assert item is not None
    expected = f"{told.namespace}/{told.name}" if told.namespace else told.name
    if kind == "pypi":
        expected = expected.replace(".", "-").replace("_", "-")
    assert item.type == told.type
    assert item.name.lower() == expected.lower()
    if (told.version or "").isprintable():
        assert item.version == (told.version or "")


@pytest.mark.parametrize(
    ("purl", "name", "version", "digest"),
    [
        ("pkg:pypi/Foo_Bar.baz@1.0", "foo-bar-baz", "1.0", ""),
        ("pkg:npm/%40acme/right@0.1.0-beta.1", "@acme/right", "0.1.0-beta.1", ""),
        ("pkg:npm/@acme/right@1", "@acme/right", "1", ""),
        (
            "pkg:deb/debian/xz-utils@5.6.1-1?arch=amd64&distro=debian-12",
            "debian/xz-utils",
            "5.6.1-1",
            "",
        ),
        (
            f"pkg:oci/app@sha256%3A{HASH}?repository_url=r.example/app",
            "app",
            f"sha256:{HASH}",
            f"sha256:{HASH}",
        ),
        (f"pkg:pypi/a@1?checksum=sha256:{HASH}&file_name=a-1.whl", "a", "1", f"sha256:{HASH}"),
        ("pkg:golang/google.golang.org/grpc@v1.2", "google.golang.org/grpc", "v1.2", ""),
        ("pkg:githubactions/Actions/Checkout@v4", "actions/checkout", "v4", ""),
        ("pkg:pypi/a", "a", "", ""),
    ],
)
def test_purls(purl: str, name: str, version: str, digest: str) -> None:
    item = item_of_purl(purl)
    assert item is not None
    assert (item.name, item.version, item.digest) == (name, version, digest)


@pytest.mark.parametrize(
    "purl", ["", "pkg:", "pkg:pypi", "pkg:/a@1", "http://x", "pkg:pypi/@1", "x" * 5000]
)
def test_what_is_no_purl(purl: str) -> None:
    assert item_of_purl(purl) is None


@given(st.text(max_size=60))
def test_no_text_makes_a_purl_raise(text: str) -> None:
    item_of_purl(text)
    item_of_purl(f"pkg:{text}")


# CycloneDX, against its own library.

COMPONENTS = st.lists(
    st.tuples(NAME, VERSION, st.booleans()), min_size=1, max_size=12, unique_by=lambda one: one[0]
)


@pytest.mark.slow
@given(COMPONENTS, st.data())
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("form", ["json", "xml"])
def test_cyclonedx_as_its_library_writes_it(
    form: str, components: list, data: st.DataObject
) -> None:
    from cyclonedx.model import HashAlgorithm, HashType  # noqa: PLC0415 - slow to import
    from cyclonedx.model.bom import Bom  # noqa: PLC0415 - as above
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415 - as above
    from cyclonedx.output import make_outputter  # noqa: PLC0415 - as above
    from cyclonedx.schema import OutputFormat, SchemaVersion  # noqa: PLC0415 - as above

    schema = data.draw(
        st.sampled_from([SchemaVersion.V1_2, SchemaVersion.V1_4, SchemaVersion.V1_6])
    )
    bom = Bom()
    bom.metadata.component = Component(name="root", bom_ref="root", type=ComponentType.APPLICATION)
    made = [
        Component(
            name=name,
            version=version,
            bom_ref=name,
            purl=PackageURL("pypi", None, name, version),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=HASH)] if hashed else [],
        )
        for name, version, hashed in components
    ]
    for one in made:
        bom.components.add(one)
    bom.register_dependency(bom.metadata.component, made[:1])
    bom.register_dependency(made[0], made[1:])
    output = OutputFormat.JSON if form == "json" else OutputFormat.XML
    document = read_sbom(make_outputter(bom, output, schema).output_as_string().encode())
    assert document.defects == ()
    assert document.format == f"CycloneDX {schema.to_version()}"
    found = {one.item.name: one for one in document.sightings(at="x")}
    root = components[0][0].replace(".", "-").replace("_", "-")
    for name, version, hashed in components:
        normal = name.replace(".", "-").replace("_", "-")
        one = found[normal]
        assert (one.item.version, one.item.digest) == (version, f"sha256:{HASH}" if hashed else "")
        assert one.stage is Stage.LISTED
        assert one.direct is (normal == root)
        assert one.parents == (() if normal == root else (root,))
    assert document.claimed_at != ""


def cyclonedx(*components: object, **more: object) -> bytes:
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": list(components),
        **more,
    }
    return json.dumps(document).encode()


def library(name: str, **more: object) -> dict:
    return {
        "type": "library",
        "name": name,
        "purl": f"pkg:pypi/{name}@1.0",
        "bom-ref": name,
        **more,
    }


def test_nested_components_are_found_and_know_their_parent() -> None:
    data = cyclonedx(library("a", components=[library("b", components=[library("c")])]))
    parents = {one.item.name: one.parents for one in read_sbom(data).sightings(at="")}
    assert parents == {"a": (), "b": ("a",), "c": ("b",)}


def test_one_bad_component_hides_no_other() -> None:
    data = cyclonedx(
        library("a"),
        {"name": 7},
        "text",
        library("b"),
        dependencies=[3, {"ref": "a", "dependsOn": ["b"]}],
    )
    document = read_sbom(data)
    assert {one.item.name for one in document.components} == {"a", "b"}
    assert "3 parts" in document.defects[0]


def test_components_without_purl_are_found_by_hash_or_counted() -> None:
    hashed = {"type": "file", "name": "bad.so", "hashes": [{"alg": "SHA-256", "content": HASH}]}
    document = read_sbom(cyclonedx(hashed, {"type": "library", "name": "who"}))
    (one,) = document.sightings(at="")
    assert (one.item.type, one.item.name, one.item.digest) == (
        "generic",
        "bad.so",
        f"sha256:{HASH}",
    )
    assert "1 components name no release" in document.defects[0]


def test_only_a_document_of_operations_says_installed() -> None:
    for phase, stage in (
        ("operations", Stage.INSTALLED),
        ("build", Stage.LISTED),
        ("discovery", Stage.LISTED),
    ):
        metadata = {"lifecycles": [{"phase": phase}], "timestamp": "2026-03-24T10:40:00Z"}
        (one,) = read_sbom(cyclonedx(library("a"), metadata=metadata)).sightings(at="")
        assert one.stage is stage
        assert (one.since_lo, one.since_hi) == ("", ""), "a claimed time is no install"


def test_versions_to_come_are_read_and_said() -> None:
    document = read_sbom(cyclonedx(library("a"), specVersion="2.0"))
    assert len(document.components) == 1
    assert "CycloneDX 2.0" in document.defects[0]


# SPDX, against spdx-tools.


@pytest.mark.slow
@given(COMPONENTS)
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("suffix", ["json", "spdx"])
def test_spdx_as_its_library_writes_it(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, components: list
) -> None:
    from datetime import datetime  # noqa: PLC0415 - as above

    from spdx_tools.spdx.model import (  # noqa: PLC0415 - slow to import
        Actor,
        ActorType,
        Checksum,
        ChecksumAlgorithm,
        CreationInfo,
        Document,
        ExternalPackageRef,
        ExternalPackageRefCategory,
        Package,
        Relationship,
        RelationshipType,
        SpdxNoAssertion,
    )
    from spdx_tools.spdx.writer.write_anything import write_file  # noqa: PLC0415 - as above

    def package(index: int, name: str, version: str, *, hashed: bool) -> Package:
        return Package(
            spdx_id=f"SPDXRef-{index}",
            name=name,
            version=version,
            download_location=SpdxNoAssertion(),
            checksums=[Checksum(ChecksumAlgorithm.SHA256, HASH)] if hashed else [],
            external_references=[
                ExternalPackageRef(
                    ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", f"pkg:pypi/{name}@{version}"
                )
            ],
        )

    packages = [package(at, *one[:2], hashed=one[2]) for at, one in enumerate(components)]
    root = Package(spdx_id="SPDXRef-root", name="root", download_location=SpdxNoAssertion())
    relationships = [
        Relationship("SPDXRef-DOCUMENT", RelationshipType.DESCRIBES, "SPDXRef-root"),
        Relationship("SPDXRef-root", RelationshipType.DEPENDS_ON, "SPDXRef-0"),
        *(
            Relationship(one.spdx_id, RelationshipType.DEPENDENCY_OF, "SPDXRef-0")
            for one in packages[1:]
        ),
    ]
    creation = CreationInfo(
        "SPDX-2.3", "SPDXRef-DOCUMENT", "doc", "https://h.example/doc",
        [Actor(ActorType.TOOL, "test")], datetime(2026, 3, 24, 10, 40),  # noqa: DTZ001 - as the library wants it
    )  # fmt: skip
    document = Document(creation, packages=[root, *packages], relationships=relationships)
    path = tmp_path_factory.mktemp("spdx") / f"document.spdx{'.json' if suffix == 'json' else ''}"
    write_file(document, str(path), validate=False)
    read = read_sbom(path.read_bytes())
    assert read.defects == ()
    assert (read.format, read.claimed_at) == ("SPDX 2.3", "2026-03-24T10:40:00Z")
    found = {one.item.name: one for one in read.sightings(at="x")}
    first = components[0][0].replace(".", "-").replace("_", "-")
    for name, version, hashed in components:
        normal = name.replace(".", "-").replace("_", "-")
        one = found[normal]
        assert (one.item.version, one.item.digest) == (version, f"sha256:{HASH}" if hashed else "")
        assert one.direct is (normal == first)
        assert one.parents == (() if normal == first else (first,))


def test_spdx_3_is_read_and_other_json_ld_is_not() -> None:
    graph = [
        {"type": "CreationInfo", "created": "2026-03-24T10:40:00Z"},
        {
            "type": "software_Package",
            "spdxId": "urn:a",
            "name": "a",
            "software_packageUrl": "pkg:pypi/a@1",
        },
        {
            "type": "software_Package",
            "spdxId": "urn:b",
            "name": "b",
            "externalIdentifier": [
                {"externalIdentifierType": "packageUrl", "identifier": "pkg:pypi/b@2"}
            ],
            "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": HASH}],
        },
        {
            "type": "LifecycleScopedRelationship",
            "relationshipType": "dependsOn",
            "from": "urn:a",
            "to": ["urn:b"],
        },
        {"type": "software_Package", "name": "nobody"},
    ]
    context = "https://spdx.example/rdf/3.0.1/spdx-context.jsonld"
    document = read_sbom(json.dumps({"@context": context, "@graph": graph}).encode())
    found = {one.item.name: one for one in document.sightings(at="")}
    assert found["b"].item.digest == f"sha256:{HASH}"
    assert found["b"].parents == ("a",)
    assert "1 packages" in document.defects[0]
    own = read_sbom(json.dumps({"@context": {"spdx": "x"}, "@graph": graph}).encode())
    assert "convert it to" in own.defects[0]


# Broken and hostile.


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "neither"),
        (b"{}", "neither CycloneDX nor SPDX"),
        (b'{"bomFormat":', "not well-formed"),
        (b"\xff\xfe", ""),
        (
            b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":' + b"[" * 200_000,
            "nested too deeply",
        ),
        (
            b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":['
            + b'{"components":[' * 5000,
            "",
        ),
        (b"<bom", "not well-formed"),
        (b"<html></html>", "not CycloneDX"),
        (
            b"" + b'<!DOCTYPE b [<!ENTITY a "aaaa"><!ENTITY c "&a;&a;">]>'
            b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6">&c;</bom>',
            "document type",
        ),
        (
            b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6">' + b"<components>" * 2000,
            "nested too deeply",
        ),
    ],
)
def test_broken_documents_have_defects(data: bytes, why: str) -> None:
    document = read_sbom(data)
    assert document.defects
    assert why in " ".join(document.defects) or why == "neither"


XML = (
    b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component><name>a</name>'
    b"<purl>pkg:pypi/a@1</purl></component></components></bom>"
)
TAGS = b"SPDXVersion: SPDX-2.3\nPackageName: a\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/a@1\n"


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damage_never_raises(data: st.DataObject) -> None:
    whole = bytearray(
        data.draw(
            st.sampled_from(
                [
                    cyclonedx(library("a", components=[library("b")]), dependencies=[{"ref": "a"}]),
                    b'{"spdxVersion":"SPDX-2.3","packages":[{"name":"a","SPDXID":"x","checksums":[]}]}',
                    XML,
                    TAGS,
                    b'{"@context":"https://spdx.example","@graph":[{"type":"software_Package"}]}',
                ]
            )
        )
    )
    for _ in range(data.draw(st.integers(0, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    read_sbom(bytes(whole[: data.draw(st.integers(0, len(whole)))])).sightings(at="x")


@pytest.mark.slow
def test_a_hundred_thousand_parents_take_no_hour() -> None:
    names = [f"p{number}" for number in range(20_000)]
    dependencies = [{"ref": name, "dependsOn": ["p0", "p1"]} for name in names]
    same = [{"ref": "p0", "dependsOn": ["p1"]}] * 50_000
    data = cyclonedx(*map(library, names), dependencies=dependencies + same)
    started = time.process_time()
    sightings = read_sbom(data).sightings(at="")
    assert time.process_time() - started < 5
    assert max(len(one.parents) for one in sightings) <= 20


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("bom.json", True), ("app.cdx.json", True), ("sbom.json", True), ("my-sbom.spdx.json", True),
        ("x.spdx", True),
        ("bom.xml", True), ("image-sbom-2026.json", True), ("app.cyclonedx.json", True),
        ("bombshell.json", False),
        ("package.json", False), ("album.json", False), ("notes.xml", False),
    ],
)  # fmt: skip
def test_names_of_sboms(name: str, is_one: bool) -> None:
    assert is_sbom_name(name) is is_one


def test_heads_of_sboms() -> None:
    assert looks_like_sbom(b'\xef\xbb\xbf {"$schema":"x","bomFormat":"CycloneDX"')
    assert looks_like_sbom(b'<?xml?><bom xmlns="http://cyclonedx.org/schema/bom/1.5">')
    assert looks_like_sbom(b"SPDXVersion: SPDX-2.3")
    assert not looks_like_sbom(b'{"name":"bill of materials"}')
