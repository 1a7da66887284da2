# pip, pip-index, pip-quiet, other-installer, runtime, runtime-fetch, assistant: further software
import os
import subprocess
import sys

import pip
import requests

pip.main(["install", "thing"])
subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", "--index-url", "https://index.example/", "thing"])
os.system("npm install thing")


def script():
    subprocess.run(["node", "x.js"])


def fetched():
    requests.get("https://files.example/bun.zip")
    subprocess.run(["./bun", "run", "x.js"])


subprocess.run(["claude", "--dangerously-skip-permissions", "-p", "inert"])
