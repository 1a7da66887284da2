# descriptors, shell-beside-socket, pty, pipes, loop, run-received, bind: a protocol client; a tool is started elsewhere
import os
import socket
import subprocess


def ask(host):
    connection = socket.create_connection((host, 25))
    connection.sendall(b"NOOP\r\n")
    return connection.recv(1024)


def daemon(log):
    os.dup2(log.fileno(), 1)


def tool(arguments):
    return subprocess.run(["tool", *arguments], stdout=subprocess.PIPE)
