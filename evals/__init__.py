"""Evals: how often the vetter is right, how often it cries wolf, and what that costs.

Owns: named lists of archives (malicious ones by git blob, benign ones by sha256), loaders, grafts of real
payloads onto real releases, peers measured in the same run, and the training of the shipped weights.
Never: executes, imports or stores what a malicious sample holds; asks a package registry for anything by
itself (docs/howto/evaluate-vetting.md says how archives that are missing are fetched, with pip).
Start reading at `lists.py`; `run.py` measures, `train.py` trains, `choose.py` makes the lists.
"""
