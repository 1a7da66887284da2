# names-private-store: backslashes, pieces and another case
import os

base = os.environ["LOCALAPPDATA"]
place = base + "\\".join(["", "GOOGLE", "Chrome", "User Data", "Default", "Login" + " Data"])
