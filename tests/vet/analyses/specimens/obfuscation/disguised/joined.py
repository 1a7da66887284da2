# hidden-word: a word out of letters
letters = ["e", "x", "e", "c"]
word = "".join(letters)
