"""Settings → the place that keeps encrypted parts. Not in `assembly`, which loads every door with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pratique.edge.custody.disk_parts import DiskParts
from pratique.edge.custody.part_listing import ListedParts
from pratique.errors import InputError, SettingsError
from pratique.settings import Settings

PARTS_FOLDER = "parts"


@contextmanager
def open_parts(settings: Settings) -> Iterator[ListedParts]:
    """The store of parts that `[custody] parts` names; closed at the end.

    Raises: SettingsError, UnavailableError when a bucket has no credentials.
    """
    place = settings.custody.parts
    if not place.startswith("s3:"):
        with closing(DiskParts(_folder(settings))) as parts:
            yield parts
        return
    from pratique.edge.custody.aws_access import parse_place  # noqa: PLC0415 - only with a bucket
    from pratique.edge.custody.s3_parts import S3Parts  # noqa: PLC0415 - as above

    custody = settings.custody
    try:
        bucket = parse_place(place, endpoint=custody.parts_endpoint, region=custody.parts_region)
    except InputError as error:
        raise SettingsError(
            f"{settings.settings_path}: [custody] parts: {error.message}",
            expected=error.expected,
            remedy=error.remedy,
        ) from None
    with closing(S3Parts(bucket)) as kept:
        yield kept


def _folder(settings: Settings) -> Path:
    given = settings.custody.parts
    if not given:
        return settings.home / PARTS_FOLDER
    if not Path(given).is_absolute():
        raise SettingsError(
            f"{settings.settings_path}: [custody] parts: not a place: {given[:120]!r}",
            expected="s3://BUCKET/PREFIX or an absolute folder",
        )
    return Path(given)
