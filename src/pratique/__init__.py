"""Pratique: may this pass, at this instant, knowing what?

Start reading at docs/explain/architecture.md. Arrows point inward: doors → rooms → values.
Rooms (index, policy, ledger) know no HTTP, SQL, clock, file system or event loop; they declare
small protocols which `store` and `edge` fulfil; only `assembly` names concrete classes.
"""

__version__ = "0.1.0"
