# secret: a setting that is no secret
import os

import requests

requests.post("https://api.example/rows", params={"region": os.environ.get("REGION", "eu")})
