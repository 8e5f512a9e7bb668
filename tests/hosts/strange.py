"""Makes a core look as if it came from another host: strange.py CORE OUT

Changes one byte of every build-id in it, so that no file here has them: the notes (type 3, owner
GNU) that lie in the saved pages of executables and libraries.
"""
import re
import sys

with open(sys.argv[1], "rb") as f:
    data = bytearray(f.read())
note = re.compile(rb"\x04\0\0\0(?=[\x08\x10\x14]\0\0\0\x03\0\0\0GNU\0)")
found = [m.start() for m in note.finditer(bytes(data))]
for at in found:
    data[at + 16] ^= 0xFF
with open(sys.argv[2], "wb") as f:
    f.write(data)
print(len(found))
