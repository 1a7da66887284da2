# network, fixed-address, unknown-address: names that begin like this machine's, and one harmless question ahead
import urllib.request


def report(where):
    urllib.request.urlopen(where)


urllib.request.urlopen("http://localhost/ready")
urllib.request.urlopen("http://localhost.collector.example/")
urllib.request.urlopen("http://127.0.0.1@collector.example/")
report(open("where").read())
