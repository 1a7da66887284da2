# network, quiet-network, lookup, fixed-address: the machine is asked what it can
import socket


def resolves(host):
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


HAS_IPV6 = resolves("localhost")
try:
    socket.create_connection(("127.0.0.1", 9)).close()
except OSError:
    pass
