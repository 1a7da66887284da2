# python-started: the program is joined from lines
import subprocess

lines = ["import socket", "socket.create_connection(('shell.example', 80))"]
subprocess.run(["python3", "-c", ";".join(lines)])
