# publish: as a list
import subprocess

subprocess.run(["twine"] + ["upload", "dist/*"])
