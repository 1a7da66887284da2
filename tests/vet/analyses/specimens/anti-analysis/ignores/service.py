# machine, tools, victims, debugger, hardware, country, build-server, delay, leaves, defences: a service that waits and measures
import os
import sys
import time

import psutil
import requests


def poll(address):
    while True:
        requests.get(address)
        time.sleep(5)


def memory():
    return psutil.virtual_memory().total


def main():
    sys.exit(poll("https://api.example/"))


PROCESS = "wireshark"
