"""What is wrong in lock files and launch commands.

Each check is one module with one function from documents to findings; `rules` is the table of what
they may say (docs/reference/lock-findings.md shows it). Checks that need a door take its answers as
a value. Start reading at `rules`, then `all_findings`.
"""
