# network, fixed-address, unknown-address, lookup, quiet-network, send, bare-shell, script, python, quiet-process, browser, execute, write-outside, talk-and-run, thread, foreign-process: what nobody has called yet
import functools
import os
import socket
import subprocess
import sys
import threading
import webbrowser

import requests

HANDLERS = {}


def handler(function):
    HANDLERS[function.__name__] = function
    return function


@handler
def fetch(address="https://service.example/list"):
    try:
        return requests.post(address, data=socket.gethostname())
    except requests.RequestException:
        return socket.gethostbyname("service.example")


def start():
    subprocess.run(["/bin/sh"])
    subprocess.run(["./tool.sh"])
    subprocess.run([sys.executable, "-m", "demo"])
    webbrowser.open("https://service.example/")
    exec(input())
    with open(os.path.expanduser("~/notes"), "w") as file:
        file.write("x")


class Client:
    def __init__(self):
        self.thread = threading.Thread(target=start)
        self.thread.start()


later = functools.partial(start)

if __name__ == "__main__":
    start()
