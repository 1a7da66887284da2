"""The language of package indexes: the Simple API in JSON and HTML.

Owns: the model of a project page, parsing it from what upstreams say, content negotiation, and
rendering the filtered page in every format from one list of (file, decision). Speaks PEP 503,
592, 629, 658, 691, 700, 708, 714, 740 and 792. Never does: fetch, store, decide or read a clock.
Start reading at `model`.
"""
