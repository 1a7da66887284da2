# webhook, callback, paste, tunnel, file-host, shortener, own-address, dynamic-dns, raw-code, free-host, mining-pool, public-address, onion, lookalike-name, odd-port, odd-suffix, executable-download, script-download, call-odd, built-address, thread, socket-to-constant: a service of its own
import socket
import threading

import requests

BASE = "https://api.example/v1"


def rows(name):
    return requests.get(BASE + "/rows/" + name).json()


def compute():
    return sum(range(10))


threading.Thread(target=compute).start()
socket.create_connection(("127.0.0.1", 8080))
