# environment, browser, clipboard, screen, keys, cloud, file, sensitive-file, output, host, to-service, host-to-service, dns, command, collects, beacon, quiet: a client sends what its caller gave
import os
import socket
import subprocess

import requests


def upload(rows, token):
    return requests.post(
        "https://api.example/rows", json=rows, headers={"Authorization": "Bearer " + token}
    )


def my_address():
    return socket.gethostbyname(socket.gethostname())


def revision():
    return subprocess.check_output(["git", "rev-parse", "HEAD"])


def environment():
    return dict(os.environ, LANG="C")
