# decoded-address, quiet-constant, dns-constant, built-address: how addresses are called
import base64
import socket
import urllib.request

try:
    urllib.request.urlopen("https://collect.example/ping")
except Exception:
    pass
urllib.request.urlopen(base64.b64decode("aHR0cHM6Ly9jb2xsZWN0LmV4YW1wbGUvZGVjb2RlZA==").decode())
socket.gethostbyname("package.collect.example")
WHERE = "".join(["https:/", "/collect.exam", "ple/joined"])
