# pip, pip-index, pip-quiet, other-installer, runtime, runtime-fetch, assistant: pip is mentioned, tools are asked for their version
import subprocess

print("run pip install thing to use this")
subprocess.run(["git", "--version"])
