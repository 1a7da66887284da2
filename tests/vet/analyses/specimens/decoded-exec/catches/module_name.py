# module-name: the name of a module in base64
import base64

module = __import__(base64.b64decode("c3VicHJvY2Vzcw==").decode())
