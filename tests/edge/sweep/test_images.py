"""Images: what is in them, what was taken out of them again, and what cannot be read."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kit.images import ImageFiles, dist, layer, saved, sha256, without
from kit.packing import PACKERS
from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.images import READERS, ArchiveReader, LayoutReader
from pratique.inventory.observed.model import AssetKind, Look, PlaceKind, Sighting, Stage

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SITE = "usr/lib/python3.11/site-packages"
LITELLM = dist("litellm", "1.82.8") | {f"{SITE}/litellm_init.pth": b"import os"}


def context(**more: object) -> SweepContext:
    return SweepContext(
        asset="host-1",
        asset_kind=AssetKind.HOST,
        machine="m",
        now=lambda: NOW,
        **more,  # type: ignore[arg-type] # options by name
    )


def look_at(path: Path, **more: object) -> list[Look]:
    for reader in READERS:
        if reader.claims(path, is_dir=path.is_dir()):
            return list(reader.read(path, context(**more)))
    pytest.fail("no reader claims it")


def names(sightings: tuple[Sighting, ...]) -> set[str]:
    return {f"{one.item.type}:{one.item.name}@{one.item.version}" for one in sightings}


def final(looks: list[Look]) -> Look:
    (found,) = [one for one in looks if one.place_kind is PlaceKind.ENVIRONMENT]
    return found


def whys(looks: list[Look]) -> str:
    return " | ".join(gap.why for one in looks for gap in one.gaps)


@pytest.fixture(params=["folder", "tar", "tar.gz", "tar.zst"])
def store(request: pytest.FixtureRequest, tmp_path: Path):  # noqa: ANN201 - a function that writes
    def write(image: ImageFiles) -> Path:
        if request.param == "folder":
            return image.write_folder(tmp_path / "layout")
        path = image.write_tar(tmp_path / "image.tar")
        if request.param == "tar":
            return path
        packed = tmp_path / f"image.{request.param}"
        pack = PACKERS["gzip" if request.param == "tar.gz" else "zstd"]
        packed.write_bytes(pack(path.read_bytes()))
        return packed

    return write


def test_a_package_that_a_later_layer_removed_is_still_evidence(store) -> None:  # noqa: ANN001 - see above
    image = ImageFiles()
    digest = image.add(
        [
            layer(dist("requests", "2.32.0")),
            layer({f"{SITE}/unrelated.txt": b"x"}),
            layer(LITELLM),
            layer(dist("boto3", "1.0")),
            layer(without("litellm", "1.82.8") | {f"{SITE}/.wh.litellm_init.pth": b""}),
        ],
        name="registry.example:5000/acme/app:1.2",
    )
    looks = look_at(store(image))
    left = final(looks)
    assert left.asset == f"image/{digest}"
    assert (left.asset_kind, left.locator, left.ended) == (AssetKind.IMAGE, "/", False)
    assert left.lineage == "image/registry.example:5000/acme/app"
    assert names(left.sightings) == {"pypi:requests@2.32.0", "pypi:boto3@1.0"}
    (removed,) = [one for one in looks if one.place_kind is PlaceKind.LAYER]
    assert removed.ended
    assert removed.asset == left.asset
    assert removed.lineage == ""
    assert names(removed.sightings) == {"pypi:litellm@1.82.8", "generic:litellm_init.pth@"}
    for one in removed.sightings:
        assert one.note.startswith("removed in a later layer (5)")
        assert one.at.startswith("layer 3: ")
        assert one.since_lo == "2026-03-24T10:40:00Z"
    hook = next(one for one in removed.sightings if one.item.type == "generic")
    assert hook.item.digest == f"sha256:{hashlib.sha256(b'import os').hexdigest()}"
    assert hook.parents == ("litellm",)
    assert all(look.whole and not look.gaps for look in looks)
    assert left.evidence[0].sha256 == digest[7:]


@pytest.mark.parametrize(
    "removal",
    [
        {f"{SITE}/.wh..wh..opq": b""},
        {"usr/.wh.lib": b""},
        {"usr/lib/python3.11": (b"2", "/elsewhere")},
        {f"{SITE}": b"a file where a folder was"},
        {f"./{SITE}/.wh.litellm-1.82.8.dist-info": b""},
    ],
)
def test_every_way_to_remove_removes(tmp_path: Path, removal: dict) -> None:
    image = ImageFiles()
    image.add([layer(LITELLM), layer(removal)])
    looks = look_at(image.write_folder(tmp_path))
    assert "pypi:litellm@1.82.8" not in names(final(looks).sightings)
    (removed,) = [one for one in looks if one.place_kind is PlaceKind.LAYER]
    assert "pypi:litellm@1.82.8" in names(removed.sightings)


def test_a_whiteout_spares_its_own_layer_wherever_it_stands(tmp_path: Path) -> None:
    image = ImageFiles()
    image.add(
        [
            layer(dist("old", "1.0")),
            layer(
                dist("new", "2.0")
                | {f"{SITE}/.wh..wh..opq": b"", f"{SITE}/.wh.new-2.0.dist-info": b""}
            ),
        ]
    )
    looks = look_at(image.write_folder(tmp_path))
    assert names(final(looks).sightings) == {"pypi:new@2.0"}


def test_the_same_file_again_ends_nothing(tmp_path: Path) -> None:
    image = ImageFiles()
    image.add([layer(LITELLM), layer(LITELLM)])
    (look,) = look_at(image.write_folder(tmp_path))
    assert {one.at.partition(":")[0] for one in look.sightings} == {"layer 1"}


def test_a_whiteout_of_a_name_that_only_begins_so_removes_nothing(tmp_path: Path) -> None:
    image = ImageFiles()
    image.add([layer(LITELLM), layer({f"{SITE}/.wh.litellm-1.82": b"", "usr/lib/python3.1": b""})])
    (look,) = look_at(image.write_folder(tmp_path))
    assert "pypi:litellm@1.82.8" in names(look.sightings)


def test_hard_links_have_the_content_of_what_they_name(tmp_path: Path) -> None:
    """uv links from its cache; within one layer only the first name has the bytes."""
    cache = "root/.cache/uv/archive-v0/abc"
    cached = dist("litellm", "1.82.8", cache)
    linked = {
        path.replace(cache, SITE): (b"1", path) for path in cached if path.endswith("METADATA")
    }
    odd = {
        "data/blob": b"Name: odd\nVersion: 3\n",
        f"{SITE}/odd-3.dist-info/METADATA": (b"1", "data/blob"),
    }
    image = ImageFiles()
    image.add([layer({**cached, **linked, **odd})])
    (look,) = look_at(image.write_folder(tmp_path))
    stages = {(one.item.name, one.stage) for one in look.sightings}
    assert stages == {
        ("litellm", Stage.FETCHED),
        ("litellm", Stage.INSTALLED),
        ("odd", Stage.INSTALLED),
    }
    assert look.whole


def test_system_packages_conda_and_npm_are_read(tmp_path: Path) -> None:
    first = {
        "etc/os-release": (b"2", "../usr/lib/os-release"),
        "usr/lib/os-release": b"ID=debian\n",
        "var/lib/dpkg/status": b"Package: liblzma5\nStatus: install ok installed\n"
        b"Source: xz-utils\nVersion: 5.6.1-1\n",
    }
    second = {
        "var/lib/dpkg/status": b"Package: liblzma5\nStatus: install ok installed\nVersion: 5.4.1-1\n"
        b"\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
        "opt/conda/conda-meta/numpy-2.1-py311_0.json": b'{"name":"numpy","version":"2.1","md5":"'
        + b"a" * 32
        + b'"}',
        "app/node_modules/@acme/right/package.json": b'{"name":"@acme/right","version":"0.1.0"}',
        "app/node_modules/left/test/package.json": b'{"name":"not-a-package","version":"9"}',
        "app/package.json": b'{"name":"app","version":"1"}',
    }
    image = ImageFiles()
    image.add([layer(first), layer(second)])
    looks = look_at(image.write_folder(tmp_path))
    assert names(final(looks).sightings) == {
        "deb:debian/liblzma5@5.4.1-1",
        "conda:numpy@2.1",
        "npm:@acme/right@0.1.0",
    }
    (removed,) = [one for one in looks if one.place_kind is PlaceKind.LAYER]
    assert names(removed.sightings) == {"deb:debian/liblzma5@5.6.1-1"}


def test_old_docker_save_is_named_by_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "saved.tar"
    path.write_bytes(saved([layer(LITELLM), layer(without("litellm", "1.82.8"))], tag="acme/app:1"))
    looks = look_at(path)
    left = final(looks)
    assert left.lineage == "image/acme/app"
    assert left.asset.startswith("image/sha256:")
    assert names(left.sightings) == {"generic:litellm_init.pth@"}
    assert len(looks) == 2
    assert whys(looks) == ""


def test_every_platform_of_an_index_is_an_image(store) -> None:  # noqa: ANN001 - a function that writes
    image = ImageFiles()
    digests = [
        image.add([layer(dist("only", version))], listed=False) for version in ("1.0", "2.0")
    ]
    image.add_index(digests, name="acme/app:1")
    looks = look_at(store(image))
    assert [one.asset for one in looks] == [f"image/{one}" for one in digests]
    assert {one.lineage for one in looks} == {"image/acme/app"}


# What is wrong, and what is hostile.


def test_a_changed_layer_is_told_and_read(store) -> None:  # noqa: ANN001 - a function that writes
    image = ImageFiles()
    image.add([layer(dist("honest", "1.0"))], packed=False)
    real = sha256(layer(dist("honest", "1.0"))).replace(":", "/")
    image.files[f"blobs/{real}"] = layer(LITELLM)
    looks = look_at(store(image))
    assert "not what its digest says" in whys(looks)
    assert not looks[0].whole
    assert "pypi:litellm@1.82.8" in names(looks[0].sightings)


def test_hashing_can_be_left_out(tmp_path: Path) -> None:
    image = ImageFiles()
    image.add([layer(dist("honest", "1.0"))], packed=False)
    real = sha256(layer(dist("honest", "1.0"))).replace(":", "/")
    image.files[f"blobs/{real}"] = layer(LITELLM)
    folder = image.write_folder(tmp_path)
    (look,) = LayoutReader(hashes=False).read(folder, context())
    assert look.whole


def test_a_changed_manifest_is_not_followed(tmp_path: Path) -> None:
    image = ImageFiles()
    digest = image.add([layer(LITELLM)])
    image.files[f"blobs/{digest.replace(':', '/')}"] += b" "
    (look,) = look_at(image.write_folder(tmp_path))
    assert (look.asset, look.whole, look.sightings) == ("host-1", False, ())
    assert "so it is not read" in whys([look])


def test_a_missing_layer_leaves_the_others(store) -> None:  # noqa: ANN001 - a function that writes
    image = ImageFiles()
    image.add([layer(LITELLM), layer(dist("boto3", "1.0"))], packed=False)
    del image.files["blobs/" + sha256(layer(LITELLM)).replace(":", "/")]
    (look,) = look_at(store(image))
    assert names(look.sightings) == {"pypi:boto3@1.0"}
    assert not look.whole
    assert look.gaps[0].what.endswith(sha256(layer(LITELLM)))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bz2.compress(layer(LITELLM)), "compressed with bzip2, which is not read"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 600, "does not unpack"),
        (PACKERS["zstd"](layer(LITELLM))[:-30], "cut short"),
        (PACKERS["zstd"](bytes(20 << 20)), ""),
        (gzip.compress(layer(LITELLM))[:-300], "cut short"),
        (b"\x1f\x8b\x08\x00garbage" + bytes(600), "unpack"),
        (layer(LITELLM)[:2000], "cut short"),
        (b"neither tar nor gzip" + bytes(600), "cannot be read"),
        (layer({"../../etc/x.pth": b"import os"}), "leaves the image"),
        (gzip.compress(bytes(20 << 20)), ""),
    ],
)
def test_layers_that_cannot_be_read_are_gaps(tmp_path: Path, data: bytes, why: str) -> None:
    image = ImageFiles()
    image.add([data, layer(dist("boto3", "1.0"))], packed=False)
    looks = look_at(image.write_folder(tmp_path))
    assert why in whys(looks)
    assert looks[0].whole is (why == "")
    assert "pypi:boto3@1.0" in names(final(looks).sightings)


def test_layers_in_zstd_are_read(tmp_path: Path) -> None:
    image = ImageFiles()
    image.add([PACKERS["zstd"](layer(LITELLM)), layer(dist("boto3", "1.0"))], packed=False)
    looks = look_at(image.write_folder(tmp_path))
    assert {"pypi:boto3@1.0", "pypi:litellm@1.82.8"} <= names(final(looks).sightings)
    assert all(look.whole for look in looks)


def test_a_bomb_is_cut(tmp_path: Path) -> None:
    from pratique.edge.sweep.context import SweepLimits  # noqa: PLC0415 - one test's matter

    image = ImageFiles()
    image.add([layer({"zeros": bytes(30 << 20), **LITELLM})])
    looks = look_at(image.write_folder(tmp_path), limits=SweepLimits(stream_bytes=1 << 20))
    assert "unpacks to more than 1,048,576 bytes" in whys(looks)


def test_pipes_and_links_in_a_layout_are_not_opened(tmp_path: Path) -> None:
    image = ImageFiles()
    image.add([layer(LITELLM), layer(dist("boto3", "1.0"))], packed=False)
    folder = image.write_folder(tmp_path / "layout")
    first, second = (
        folder / "blobs" / sha256(one).replace(":", "/")
        for one in (layer(LITELLM), layer(dist("boto3", "1.0")))
    )
    first.unlink()
    os.mkfifo(first)
    moved = tmp_path / "moved"
    second.rename(moved)
    second.symlink_to(moved)
    looks = look_at(folder)
    assert "a pipe" in whys(looks)
    assert "symbolic link" in whys(looks)


@pytest.mark.parametrize("name", ["notes.tar", "backup.tar.gz", "empty.tar", "image.txt"])
def test_other_archives_are_nobodys(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = b"" if name == "empty.tar" else layer({"home/user/notes.txt": b"x"})
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert not ArchiveReader().claims(path, is_dir=False)
    assert not LayoutReader().claims(tmp_path, is_dir=True)


def test_a_tar_that_begins_like_an_image_and_is_none_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "odd.tar"
    path.write_bytes(layer({"blobs": None, "blobs/x": b"1"}))
    (look,) = look_at(path)
    assert whys([look]) == "holds no image that is read"


def test_rpm_databases_are_a_gap(tmp_path: Path) -> None:
    image = ImageFiles()
    image.add([layer({"var/lib/rpm/rpmdb.sqlite": b"SQLite format 3\0"})])
    (look,) = look_at(image.write_folder(tmp_path))
    assert "RPM database" in whys([look])


def test_stopping_says_so(tmp_path: Path) -> None:
    image = ImageFiles()
    image.add([layer(LITELLM)])
    (look,) = look_at(image.write_folder(tmp_path), stop=lambda: True)
    assert not look.whole
    assert "stopped" in whys([look])
