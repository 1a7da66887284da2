# publish, push, workflow, repository, secrets-api, with-secret: reads releases of a project
import subprocess

import requests

requests.get("https://api.github.com/repos/x/y/releases")
subprocess.run(["git", "pull"])
