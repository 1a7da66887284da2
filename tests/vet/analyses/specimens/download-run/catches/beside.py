# beside: no link between the file and the command is seen
import subprocess

import requests


def go(place, what):
    with open(place, "wb") as handle:
        handle.write(requests.get("https://files.example/a").content)
    subprocess.run(what())
