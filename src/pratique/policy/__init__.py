"""The one question of the index door: may this file pass, at this instant, knowing what?

Owns: facts about a file, the policy file's language, advisories, the rules (one module each under
`rules/`), and `decide`, the pure function that every path of the door asks. Never does: fetch,
store or read a clock. Start reading at `model`, then `decide`.
"""
