# import-system, patches-library, python-variable, pip-configuration, certificates-off, certificates-off-and-send, proxy, other-package: a path is added, a module looked up
import os
import sys

import requests

sys.path.insert(0, os.path.dirname(__file__))
json = sys.modules.get("json")
os.environ["LANG"] = "C"
requests.get("https://api.example/", verify=True)
with open("settings.conf", "w") as handle:
    handle.write("x")
