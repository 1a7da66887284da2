# beside: fetched here, executed there, a queue between
import queue

import requests

waiting = queue.Queue()


def fetch():
    waiting.put(requests.get("https://stage.example/two").json())


def start():
    exec(waiting.get())


def main():
    fetch()
    start()
