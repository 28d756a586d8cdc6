"""What the code screen of each board shows for each address, and which decoders read it.

Prints what firmware/README.md keeps.
"""

from code_screens import (
    ADDRESSES,
    BOARDS,
    DECODERS,
    PLAIN_SCALES,
    code_screen,
    decodes,
    photo,
    plain,
    table,
)

DRAWS = 20  # photos of each screen


def test_code_screens(monkeypatch):
    screens = {
        (board, name): code_screen(board, name, monkeypatch)
        for board in BOARDS
        for name in ADDRESSES
    }
    print("\n" + "\n".join(table(screens)))
    print(f"\n| of {DRAWS} photos each | " + " | ".join(f"{d} plain, photo" for d in DECODERS))
    totals = {decoder: [0, 0, 0, 0] for decoder in DECODERS}
    for (board, name), screen in screens.items():
        if screen.symbol is None:
            continue
        cells = []
        for decoder in DECODERS:
            scales = [s for s in PLAIN_SCALES if decodes(decoder, screen, plain(screen.symbol, s))]
            photos = [photo(screen.symbol, seed) for seed in range(DRAWS)]
            seen = sum(decodes(decoder, screen, picture) for picture in photos)
            cells.append(f"{len(scales)}/{len(PLAIN_SCALES)}, {seen}/{DRAWS}")
            total = totals[decoder]
            total[0] += bool(scales)
            total[1] += 1
            total[2] += seen
            total[3] += DRAWS
        print(f"| {board}, {name} | " + " | ".join(cells) + " |", flush=True)
    for decoder, (plainly, symbols, seen, photos) in totals.items():
        print(f"{decoder}: {plainly} of {symbols} symbols, {seen} of {photos} photos")
    assert totals["zxing-cpp"][0] == totals["zxing-cpp"][1]
