"""Who had a file, from when to when, how sure we are, and what we cannot see.

Owns: the question, the fold of recorded views into "what was this asset offered", coverage and
its gaps, the answer with its certainty and its evidence. Never does: read a database or a clock;
facts and "now" are passed in. Start reading at `question`, then `answer`.
"""
