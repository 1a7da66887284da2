"""Whether PostgreSQL's replicas could forget what was told as durable, as far as it can be seen.

Budgets are handed out, and suspensions made, in transactions that are durable before anybody hears of them. A
replica that follows asynchronously may lack the last of them when it takes over: then budget was used that
it does not know of. Only the server's own settings prevent that.
"""

from __future__ import annotations

from typing import Final

from pratique.settings import Settings
from pratique.store.errors import StoreUnavailableError

_REMEDY: Final = (
    "set synchronous_standby_names on the server (such as 'ANY 1 (*)'); see docs/operate/install.md"
)
_CONNECT_SECONDS: Final = 5


def replication_warning(settings: Settings) -> str:
    """What is wrong, in a sentence; empty when nothing can be seen, or there is no PostgreSQL.

    Raises: StoreUnavailableError.
    """
    if not settings.storage.database_url:
        return ""
    import psycopg  # noqa: PLC0415 - slow to import, and most installations have none

    try:
        with psycopg.connect(
            settings.storage.database_url, connect_timeout=_CONNECT_SECONDS
        ) as connection:
            row = connection.execute(
                "SELECT current_setting('synchronous_standby_names'), count(*), pg_is_in_recovery()"
                " FROM pg_stat_replication"
            ).fetchone()
    except psycopg.Error as error:
        raise StoreUnavailableError(f"PostgreSQL does not answer: {type(error).__name__}") from None
    names, followers, standby = row or ("", 0, False)
    return warning_of(names=str(names), followers=int(followers), standby=bool(standby))


def warning_of(*, names: str, followers: int, standby: bool) -> str:
    """What such a server risks. `names`: synchronous_standby_names; `followers`: replicas it feeds."""
    if standby:
        return f"PostgreSQL is a replica that takes no writes; connect to its primary. {_REMEDY}"
    if followers and not names.strip():
        return (
            f"PostgreSQL has {followers} asynchronous followers: after a failover to one, budgets that were "
            f"handed out and suspensions could be forgotten; {_REMEDY}"
        )
    return ""
