# constant, layers, marshal, decrypt, opaque, module-name, packer, inner-network, inner-process, inner-execute, inner-write: a version read by exec, as many setup.py do
import base64

about = {}
with open("package/__about__.py") as handle:
    exec(handle.read(), about)
logo = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ")
