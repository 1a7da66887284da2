"""A release as a whole: what each path is, when each place runs, what is new against a base.

Owns: the layout of a release file, its metadata, reach (`reach.place`), the placed signs (`view`), the
comparison with a predecessor (`diff`), the rules that look at whole releases (`rules/`), and which popular
project a release copies (`clones`). Never: reads bytes of contents (their facts are given), weighs anything.
Start reading at `view.py`; why things run when is told in docs/explain/when-it-runs.md.
"""
