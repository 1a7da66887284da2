# beside: fetched here, executed there, in one class
import requests


class Loader:
    def fetch(self):
        self.body = requests.get("https://stage.example/two").json()

    def start(self, transform):
        exec(transform(self.body))

    def run(self):
        self.fetch()
        self.start(str)
