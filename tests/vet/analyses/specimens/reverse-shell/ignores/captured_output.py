# descriptors: a kernel's output goes through a pipe, beside its socket
import os
import socket


def watch(address):
    connection = socket.create_connection(address)
    end, other = os.pipe()
    os.dup2(other, 1)
    connection.sendall(os.read(end, 100))
