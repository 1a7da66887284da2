# import: the answer names the module
import importlib

import requests

importlib.import_module(requests.get("https://stage.example/name").text)
