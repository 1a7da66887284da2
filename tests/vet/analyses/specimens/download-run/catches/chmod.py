# chmod, run: made executable first
import os

import requests

body = requests.get("https://files.example/agent").content
with open("agent.bin", "wb") as handle:
    handle.write(body)
os.chmod("agent.bin", 0o755)
os.system("./agent.bin &")
