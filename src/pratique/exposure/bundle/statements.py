"""What the head of a case's page says was checked, and what is not proven."""

from __future__ import annotations

from pratique.exposure.incident import IncidentAnswer

NOT_TRUTH = (
    "Not proven: that what was recorded is true. The log shows that it was recorded then and not "
    "changed since."
)


def sentences_for_all(*, shown: int, whole: bool) -> tuple[str, ...]:
    """Of a case about everybody; `whole`: all entries of the log go along."""
    if whole:
        complete = (
            "All entries of the log are in this file. Whoever asks the question again of them must "
            "get this answer: nothing was left out. `pratique verify` does that."
        )
    else:
        complete = (
            "Not proven: that no further entry of the log bears on the question, and that the answer "
            "follows from the entries. A file with all entries (--replay) shows both."
        )
    return (
        (
            f"{shown} entries of the log are in this file, with proofs that they were logged and not "
            "changed since."
        ),
        complete,
        NOT_TRUTH,
    )


def sentences_for_client(
    answer: IncidentAnswer, client: str, *, shown: int, withheld: int
) -> tuple[str, ...]:
    """What was checked, and what is not proven: the head of the page."""
    counts = answer.counts
    found = [
        (
            f"Checked were {len(answer.lines)} assets: those that {client} operates or is "
            "served by, and those that ever held a credential from which its data can be reached."
        ),
        (
            f"Of these, {counts.cleared} are cleared: they were watched during the whole time in which "
            "the release could have been there, and it was not."
        ),
        f"{shown} entries of the log are in this file in clear, with proofs that they were logged.",
        (
            "Not proven: that these are all assets that concern the reader. They follow from what was "
            "recorded of credentials and data; what nobody recorded is not here."
        ),
        (
            "Not proven: that no further entry of the log speaks of these assets. Only the whole log "
            "shows that, and it names others."
        ),
        NOT_TRUTH,
    ]
    if counts.unknown:
        found.insert(2, f"Of {counts.unknown} it cannot be told. They are not cleared.")
    if withheld:
        found.insert(
            -3,
            f"{withheld} entries also name others. Of these only the hash is given, with the proof "
            "that the log holds an entry with this hash.",
        )
    return tuple(found)
