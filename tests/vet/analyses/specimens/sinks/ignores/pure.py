# network, process, execute, load, native, write, delete, mode, decode, decrypt, host, environment, thread, listen, network-quiet, process-quiet, execute-opaque, talk-and-run, talk-and-execute, talk-and-host, talk-constant: computes only
import json
import math


def area(radius):
    return json.dumps({"area": math.pi * radius**2})
