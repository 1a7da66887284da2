# identity, many-host-facts, named-key: a user agent and a login
import platform

import requests


def login(name, password):
    agent = {"User-Agent": "tool/1 " + platform.system()}
    return requests.post("https://api.example/login", json={"name": name, "password": password}, headers=agent)
