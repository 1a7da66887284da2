# unknown-address, execute, write-outside, thread: functions that the module calls, and what it gives a thread
import os
import threading
import urllib.request

from elsewhere import address, text


class Worker:
    def __init__(self):
        self.note()

    def note(self):
        with open(os.path.expanduser("~/noted"), "w") as file:
            file.write("here")


def ask():
    def inner():
        urllib.request.urlopen(address())

    inner()


def go():
    exec(text())


Worker()
ask()
threading.Thread(target=go, daemon=True).start()
