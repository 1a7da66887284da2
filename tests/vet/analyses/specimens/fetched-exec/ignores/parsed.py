# exec, decoded, unpickle, import, beside: the answer is parsed
import ast
import importlib
import pickle

import requests


def prices():
    return ast.literal_eval(requests.get("https://prices.example/today").text)


def plugin(name):
    return importlib.import_module(name)


def cached(path):
    with open(path, "rb") as handle:
        return pickle.load(handle)
