"""The three judges: what a command does, where an address leads, what a path is.

Other analyses hand them any text: a whole script, one argument, a folded string with holes ("…").
Each answers with (trait, shown) pairs: the trait is one of its rule's, the shown is safe to print
(bounded, secrets masked). No answer means nothing known against it. They are linear in the text
and cost a few microseconds on ordinary strings.
"""

from __future__ import annotations

from pratique.vet.content.judge_commands import judge_command
from pratique.vet.content.judge_paths import judge_path
from pratique.vet.content.judge_urls import judge_url

__all__ = ["judge_command", "judge_path", "judge_url"]
