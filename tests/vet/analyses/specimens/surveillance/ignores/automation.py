# screen, keys, clipboard, camera, several, clipper: a button copies a text
import pyperclip
import requests


def copy(text):
    pyperclip.copy(text)


def fetch():
    return requests.get("https://api.example/").text
