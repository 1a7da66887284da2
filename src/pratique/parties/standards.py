"""What regulations and standards ask that checks can serve: their ids, and what each says, in short.

Nothing here says that somebody complies. A check gives evidence about one point of a text.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Standard(msgspec.Struct, frozen=True, kw_only=True):
    """One point of one text."""

    id: str
    """As checks and reports name it: `dora-30.2.b`."""
    text: str
    """Which text: `Regulation (EU) 2022/2554 (DORA)`."""
    point: str
    title: str
    """What it asks, in short."""


_DORA: Final = "Regulation (EU) 2022/2554 (DORA)"
_NIS2: Final = "Directive (EU) 2022/2555 (NIS2)"
_NIS2_IR: Final = "Implementing Regulation (EU) 2024/2690 (NIS2), annex"
_AI_ACT: Final = "Regulation (EU) 2024/1689 (AI Act)"
_RMF: Final = "NIST AI RMF 1.0"
_SSDF: Final = "NIST SP 800-218 (SSDF 1.1)"
_SSDF_AI: Final = "NIST SP 800-218A"
_AISVS: Final = "OWASP AISVS 1.0"
_CISA: Final = "CISA, NSA, FBI: AI Data Security (22 May 2025)"

_LISTED: Final = (
    (
        "sp800-218-ps.3.2",
        _SSDF,
        "PS.3.2",
        "keep and share provenance of all components of each release, such as an SBOM",
    ),
    (
        "sp800-218-pw.4.1",
        _SSDF,
        "PW.4.1",
        "acquire and maintain well-secured third-party components",
    ),
    (
        "sp800-218-pw.4.4",
        _SSDF,
        "PW.4.4",
        "verify acquired components throughout their life cycles",
    ),
    (
        "sp800-218-rv.1.1",
        _SSDF,
        "RV.1.1",
        "gather information on vulnerabilities in the software and its components",
    ),
    (
        "sp800-218a-ps.1.2",
        _SSDF_AI,
        "PS.1.2",
        "protect training, testing, fine-tuning and aligning data from unauthorized access and modification",
    ),
    ("cisa-ai-data-3", _CISA, "practice 3", "digital signatures authenticate trusted revisions"),
    ("cisa-ai-data-4", _CISA, "practice 4", "trusted infrastructure"),
    ("cisa-ai-data-5", _CISA, "practice 5", "classify data and control access"),
    ("cisa-ai-data-7", _CISA, "practice 7", "store data securely"),
    ("cisa-ai-data-9", _CISA, "practice 9", "delete data securely"),
    ("cisa-ai-data-10", _CISA, "practice 10", "assess risks of data continuously"),
    (
        "dora-28.3",
        _DORA,
        "Article 28(3)",
        "register of information on all contractual arrangements",
    ),
    (
        "dora-28.5",
        _DORA,
        "Article 28(5)",
        "contract only with providers that meet appropriate security standards",
    ),
    ("dora-28.6", _DORA, "Article 28(6)", "audits and inspections, at a frequency set beforehand"),
    (
        "dora-28.7.b",
        _DORA,
        "Article 28(7)(b)",
        "may be terminated upon what monitoring finds, material changes included",
    ),
    (
        "dora-28.7.c",
        _DORA,
        "Article 28(7)(c)",
        "may be terminated upon evidenced weaknesses in how data is protected",
    ),
    ("dora-28.8", _DORA, "Article 28(8)", "exit strategies"),
    ("dora-29.2", _DORA, "Article 29(2)", "weigh the risks of sub-contracting"),
    (
        "dora-30.2.a",
        _DORA,
        "Article 30(2)(a)",
        "the contract says whether sub-contracting is allowed",
    ),
    (
        "dora-30.2.b",
        _DORA,
        "Article 30(2)(b)",
        "the contract says where data is processed and stored",
    ),
    ("dora-30.2.c", _DORA, "Article 30(2)(c)", "the contract provides for the protection of data"),
    ("dora-30.2.d", _DORA, "Article 30(2)(d)", "access, recovery and return of data at the end"),
    (
        "dora-30.3.e",
        _DORA,
        "Article 30(3)(e)",
        "right to monitor continuously, and of access, inspection and audit",
    ),
    ("nis2-21.2.d", _NIS2, "Article 21(2)(d)", "security of the supply chain"),
    (
        "nis2-21.3",
        _NIS2,
        "Article 21(3)",
        "vulnerabilities and practices of each direct supplier are considered",
    ),
    ("nis2-ir-5.1.4.d", _NIS2_IR, "5.1.4(d)", "suppliers notify incidents without undue delay"),
    ("nis2-ir-5.1.4.e", _NIS2_IR, "5.1.4(e)", "right to audit, or to audit reports"),
    (
        "nis2-ir-5.1.4.f",
        _NIS2_IR,
        "5.1.4(f)",
        "suppliers handle vulnerabilities that put others at risk",
    ),
    ("nis2-ir-5.1.4.g", _NIS2_IR, "5.1.4(g)", "requirements on sub-contracting"),
    ("nis2-ir-5.1.4.h", _NIS2_IR, "5.1.4(h)", "retrieval and disposal of information at the end"),
    (
        "nis2-ir-5.1.6",
        _NIS2_IR,
        "5.1.6",
        "monitor, evaluate and act upon changes in suppliers' practices",
    ),
    (
        "nis2-ir-5.1.7",
        _NIS2_IR,
        "5.1.7",
        "monitor agreements, review incidents, assess what unscheduled changes mean",
    ),
    (
        "nis2-ir-5.2",
        _NIS2_IR,
        "5.2",
        "directory of suppliers and service providers, kept up to date",
    ),
    ("ai-act-10.2", _AI_ACT, "Article 10(2)", "data governance: origin, collection, preparation"),
    ("ai-act-12.1", _AI_ACT, "Article 12(1)", "events are recorded automatically"),
    (
        "ai-act-25.4",
        _AI_ACT,
        "Article 25(4)",
        "written terms with suppliers of components and services",
    ),
    ("ai-rmf-govern-6.1", _RMF, "GOVERN 6.1", "policies address risks of third parties"),
    (
        "ai-rmf-govern-6.2",
        _RMF,
        "GOVERN 6.2",
        "contingency processes for failures or incidents in third-party data and systems",
    ),
    (
        "ai-rmf-map-4.1",
        _RMF,
        "MAP 4.1",
        "risks of components, third-party data and software included, are mapped",
    ),
    (
        "ai-rmf-manage-3.1",
        _RMF,
        "MANAGE 3.1",
        "third-party resources are regularly monitored, controls applied and documented",
    ),
    ("aisvs-5.1.1", _AISVS, "5.1.1", "step-up authentication for access to training data"),
    (
        "aisvs-5.2.1",
        _AISVS,
        "5.2.1",
        "access to every dataset by explicit allow-lists, deny by default",
    ),
    (
        "aisvs-5.2.2",
        _AISVS,
        "5.2.2",
        "privileged access is given when needed, for a limited time, never standing",
    ),
)

STANDARDS: Final = {
    id_: Standard(id=id_, text=text, point=point, title=title)
    for id_, text, point, title in _LISTED
}
"""By id."""
