# decoded-address, quiet-constant, dns-constant: the caller names the host
import socket

import requests


def resolve(host):
    return socket.gethostbyname(host)


def local():
    return socket.gethostbyname("localhost")


def rows():
    return requests.get("https://api.example/rows").json()
