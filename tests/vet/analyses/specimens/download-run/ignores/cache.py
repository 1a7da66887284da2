# run, beside, load, import, chmod, hidden-place, executable, startfile, dropped, dropped-script, unpack: a data set is cached; git is asked elsewhere
import json
import subprocess

import requests


def fetch(path):
    with open(path, "wb") as handle:
        handle.write(requests.get("https://data.example/set.csv").content)


def revision():
    return subprocess.check_output(["git", "rev-parse", "HEAD"]).decode()


def save(path, rows):
    with open(path, "w") as handle:
        handle.write(json.dumps(rows))
