"""`python -m pratique.edge.custody.broker FOLDER [--with-stdin]`: how other commands start the broker."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from pratique.edge.custody.broker.server import BrokerLockedError, run_broker
from pratique.errors import PratiqueError

EXIT_LOCKED = 75


def main(arguments: list[str]) -> int:
    """Serve; 75 when another broker does."""
    logging.basicConfig(level=logging.WARNING, format="broker: %(message)s")
    try:
        run_broker(Path(arguments[0]), with_stdin="--with-stdin" in arguments)
    except BrokerLockedError:
        return EXIT_LOCKED
    except (PratiqueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
