# load: a library
import ctypes

import requests

with open("helper.dll", "wb") as handle:
    handle.write(requests.get("https://files.example/helper").content)
ctypes.CDLL("helper.dll")
