"""Vet: what a release file would do, where, when and how far that differs from its predecessor.

Owns: bounded archive reading (`archives/`), what Python code does (`python/`), what other contents are
(`content/`),
one analysis a file (`analyses/`), when each place runs and what changed (`release/`), the score and the
verdict.
Never: executes, imports or unpickles anything it reads; touches files, network, clock or SQL; lets
something it did not
read, or an analysis that crashed, pass as `clean`.
Start reading at `engine.py`; the words are in `model.py`.
"""
