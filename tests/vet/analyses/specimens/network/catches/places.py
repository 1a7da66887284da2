# webhook, callback, paste, tunnel, file-host, shortener, own-address, dynamic-dns, raw-code, free-host, mining-pool, public-address, onion, lookalike-name, odd-port, odd-suffix, executable-download, script-download, call-odd, decoded-address, thread, socket-to-constant: every kind of address
import base64
import socket
import threading

import requests

PLACES = [
    "https://discord.com/api/webhooks/000/example",
    "https://x.oast.fun/example",
    "https://pastebin.com/raw/example",
    "https://x.ngrok.io/example",
    "https://transfer.sh/example",
    "https://bit.ly/example",
    "https://api.ipify.org",
    "http://x.duckdns.org/example",
    "https://raw.githubusercontent.com/x/y/example",
    "https://x.repl.co/example",
    "stratum+tcp://pool.example:3333",
    "http://192.88.99.1/example",
    "http://inertinertinert.onion/example",
    "http://ex\u0430mple.com/",
    "http://service.pratique-specimen.com:41337/",
    "http://pratique-specimen.top/",
    "https://files.pratique-specimen.com/setup.exe",
    "https://files.pratique-specimen.com/setup.sh",
]
requests.get("https://pastebin.com/raw/example")
ADDRESS = base64.b64decode("aHR0cHM6Ly9jb2xsZWN0LmV4YW1wbGUv").decode()


def talk():
    requests.get(ADDRESS)


threading.Thread(target=talk).start()
socket.create_connection(("shell.example", 4444))
