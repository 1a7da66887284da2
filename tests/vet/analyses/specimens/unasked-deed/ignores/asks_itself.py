# network, quiet-network, lookup, fixed-address: the machine is asked what it can
import socket
import urllib.request

try:
    HAS_IPV6 = bool(socket.getaddrinfo("localhost", None))
    socket.create_connection(("127.0.0.1", 9)).close()
    urllib.request.urlopen("http://[::1]:8080/ready")
except OSError:
    HAS_IPV6 = False
