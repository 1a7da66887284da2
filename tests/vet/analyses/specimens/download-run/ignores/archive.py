# run, hidden-place, temporary-code: archives that are checked and unpacked
import subprocess
import urllib.request


def sources():
    urllib.request.urlretrieve("https://downloads.example/data.tar.gz", "data.tar.gz")
    subprocess.run(["sha256sum", "-c", "data.tar.gz.sha256"])
    subprocess.run(["tar", "xf", "data.tar.gz"])


def by_command():
    subprocess.run(["curl", "-L", "-o", "table.tar.gz", "https://downloads.example/table.tar.gz"])
    subprocess.run(["tar", "xf", "table.tar.gz"])
