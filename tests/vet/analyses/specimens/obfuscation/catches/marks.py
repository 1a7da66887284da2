# letters, nest, hidden-word, escapes, reversed, marks: marks of every kind
word = chr(105) + chr(110) + chr(101) + chr(114) + chr(116) + chr(33) + chr(33) + chr(33) + chr(33)
f = lambda a: lambda b: lambda c: lambda d: lambda e: lambda g: (a, b, c, d, e, g)
hidden = "sub" + "process"
text = "\x69\x6e\x65\x72\x74\x69\x6e\x65\x72\x74\x69\x6e\x65\x72\x74\x69\x6e\x65\x72\x74\x69\x6e\x65\x72\x74"
back = "/elpmaxe.tcelloc//:sptth"
