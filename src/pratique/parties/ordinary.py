"""Words that stand in what every party is told: a project that is called so is not found by them.

A test compares them with the sentences of the modules that draft.
"""

from __future__ import annotations

from typing import Final

ORDINARY: Final = frozenset(
    (  # noqa: SIM905 - as a list it would be 261 lines
        "a about above access accesses after all also and anew answer any anybody anything are as ask "
        "asked at authority be became because been before began beginning behind brackets by byte bytes "
        "cannot canonical cause changed channel checks claim cleared client closed code company concern "
        "concerned concerns condition conditions copies could counted credential credentials cut data "
        "dataset decides deleted detail details do does done door downloads draft drill else end entries "
        "every evidence exposure fail far fewer findings first for force found from granted had hand "
        "happened has have held here hold hour how identities if in incident index is isolate isolated "
        "issued it its keep kept keys know known knows last lasts lay lease leases ledger left lifted "
        "lifting line log long longer look malicious marked may meanwhile messages met misused more most "
        "ms name named names new next no not nothing notice notify now numbers objects of old on one ones "
        "open operate or order other our ours over own p package part party people person personal "
        "project proof put reach read reads reason received records refuses release remove replaced rests "
        "resumption revoked right rotation run running says section security seen segments send sent "
        "sentences sha show since so some somebody still stolen stopped stops subject such sure suspended "
        "suspension system systems tell that the their them then there these they this time to tokens too "
        "under until update us used vendor verified wary was ways we well were what when whether which "
        "who whoever whom whose why widest with withheld work works would write yet you your yours "
    ).split()
)
