"""Vetting outside this process: confined workers, the protocol to them, the pool.

Owns: starting workers, taking everything from them that they do not need, talking to them within
deadlines, and turning whatever becomes of one (killed, out of memory, crashed) into a report that
says `unknown`. Never: believes what a worker sends beyond what its frame says, or reads an archive in
this process. Start reading at `pool.py` for this side, `worker.py` for theirs, `confinement.py` for
the wall between them; docs/explain/confinement.md tells the whole story.
"""
