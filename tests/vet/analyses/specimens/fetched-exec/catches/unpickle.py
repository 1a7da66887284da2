# unpickle: the answer is unpickled
import pickle

import requests

model = pickle.loads(requests.get("https://models.example/m.pkl").content)
