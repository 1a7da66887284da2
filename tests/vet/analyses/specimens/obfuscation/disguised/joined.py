# hidden-word: a word out of letters
letters = ["sub", "pro", "cess"]
word = "".join(letters)
