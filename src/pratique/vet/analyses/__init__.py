"""The analyses: one a file, each a pure function with a rule, specimens and a page under docs/rules/.

`kit.py` has the forms; `registry.py` lists them all.
"""
