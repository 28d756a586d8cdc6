"""Print the file PATH, as lines of base64."""

from binascii import b2a_base64

piece = memoryview(bytearray(510))
with open(PATH, "rb") as file:
    size = file.readinto(piece)
    while size:
        print(str(b2a_base64(piece[:size]), "ascii"), end="")
        size = file.readinto(piece)
