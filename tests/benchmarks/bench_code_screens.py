"""What the code screen of each board shows for each address, and which decoders read it.

Prints what firmware/README.md keeps.
"""

from code_screens import ADDRESSES, BOARDS, DECODERS, code_screens, decodes, photo, plain, table

DRAWS = 20  # photos of each symbol


def test_code_screens():
    screens = code_screens()
    print("\n" + "\n".join(table(screens)))
    print("\n| board | symbols | " + " | ".join(f"{d}: plain, photos" for d in DECODERS) + " |")
    print("|---" * (2 + len(DECODERS)) + "|")
    for board in BOARDS:
        symbols = [screens[board, name] for name in ADDRESSES if screens[board, name].symbol]
        cells = []
        for decoder in DECODERS:
            plainly = sum(decodes(decoder, one, plain(one.symbol)) for one in symbols)
            seen = sum(
                decodes(decoder, one, photo(one.symbol, seed))
                for one in symbols
                for seed in range(DRAWS)
            )
            photos = DRAWS * len(symbols)
            cells.append(f"{plainly} of {len(symbols)}, {seen} of {photos}")
            assert plainly == len(symbols)
            assert seen >= (photos if decoder == "zxing-cpp" else 0.9 * photos)
        if symbols:
            print(f"| `{board}` | {len(symbols)} | " + " | ".join(cells) + " |", flush=True)
