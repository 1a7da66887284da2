# built-address, webhook: an address in pieces
PIECES = ["https:/", "/disc", "ord.com/api", "/webhooks/", "000/example"]
ADDRESS = "".join(PIECES)
