# marshal, marshal-constant: a code object out of bytes
import marshal

exec(marshal.loads(b"\xe3\x00\x00\x00\x00\x00\x00\x00inert"))
