# marshal-constant: a template's compiled code from its cache; a table kept as marshalled data
import marshal


def load(path):
    with open(path, "rb") as cache:
        code = marshal.load(cache)
    exec(code, {})


def table():
    return marshal.loads(b"\xe9\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
