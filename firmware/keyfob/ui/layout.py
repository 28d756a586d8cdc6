"""The layout of a screen on a panel of any size, and drawing it.

A panel is anything with `width`, `height` and framebuf's `fill_rect` and `blit`; 1 is light.
Sizes are tried from the largest down until all text fits beside the symbol. What does not fit
even then is spread over pages, which the caller shows in turn. Nothing is kept between calls.
"""

from keyfob.compat import Loaded, const
from keyfob.ui import fonts
from keyfob.ui.pages import Clock, Picture
from keyfob.ui.qr_fit import draw_symbol, least_module, short

# Pixels of the short side up to which the font may be drawn in size 1; it is 2 above.
_COARSE = const(100)
_QUIET = const(4)  # modules of quiet zone around a symbol, where there is room
_MODULE = const(8)  # pixels of a module at most: a larger one does not help a camera
_COLUMNS = const(10)  # glyphs a line beside a symbol at least, or it gets its own page
_LINES = const(5)  # lines, likewise
_CUTS = "/.-_?&=: "  # an address or a code is cut after one of these if that takes no more lines


def compose(panel, items, symbol):
    """Lay out `items` and `symbol` on `panel`, which must be dark; return the Picture.

    Items are those of texts.items, with the time left filled in as a number and its unit;
    `symbol` is None or a (bitmap, size) as `qr.encode` returns it.
    """
    items = [(text if sign in ("#", "@") else _legible(text), sign) for text, sign in items]
    plan = _plan(panel, items, symbol)
    alone, place = plan[:2]
    x, y, width, height = place[4:]
    pages = _flow(items, plan, False)
    is_one = alone is None and len(pages) == 1
    canvases = []
    clock = None
    if alone is not None:
        canvases.append(_canvas(panel.width, panel.height))
        draw_symbol(canvases[0], symbol, *alone[:4])
    elif place[0]:
        draw_symbol(panel, symbol, *place[:4])
    for blocks in pages:
        if is_one:
            found = _draw_blocks(panel, blocks, x, y, width, height)
        else:
            canvases.append(_canvas(width, height))
            found = _draw_blocks(canvases[-1], blocks, 0, 0, width, height)
        if found is not None:
            left, top, size, lines = found
            if not is_one:
                left += x
                top += y
            clock = Clock(max(0, len(canvases) - 1), left, top, size, lines)
    return Picture(panel, canvases, x, y, clock)


def _legible(text):
    if fonts.lacks(text):
        with Loaded("keyfob.ui.latin") as latin:
            return latin.legible(text, fonts.lacks)
    return text


def _canvas(width, height):
    """A new picture, dark."""
    import framebuf

    buffer = bytearray((height + 7) // 8 * width)
    return framebuf.FrameBuffer(buffer, width, height, framebuf.MONO_VLSB)


def _plan(panel, items, symbol):
    """The plan for `compose`: the symbol's own page or None, the place of the rest, sizes."""
    least = 1 if short(panel) <= _COARSE else 2
    alone = None
    if symbol is not None and not list(_places(panel, symbol, least)):
        alone = _alone(panel, symbol)
        symbol = None
    letters = [sum([len(text) for text, sign in items if sign != "?"])]
    letters.append(sum([len(text) for text, _ in items]))
    growth = 2 if "#" in [sign for _, sign in items] else 1
    largest = 2 if symbol else 2 * least  # beside a symbol: larger modules, not larger text
    best = fewest = None
    for size in range(largest, least - 1, -1):
        cell = fonts.WIDTH * fonts.HEIGHT * size * size
        for code_size in range(growth * size, size - 1, -1):
            for place in _places(panel, symbol, size):
                for is_whole in (1, 0):
                    if letters[is_whole] * cell > place[6] * place[7] and (
                        is_whole or size > least
                    ):
                        continue  # it cannot be one page
                    found = alone, place, size, code_size, is_whole
                    pages = _flow(items, found, size > least)
                    if pages and len(pages) == 1:
                        return found
                    if pages and size == least and (best is None or len(pages) < fewest):
                        best = found
                        fewest = len(pages)
    return best


def _places(panel, symbol, size):
    """The places for a symbol that leave room for text of `size`, the largest module first.

    A place is a tuple: pixels of a module (0: no symbol), side and corner of the light square
    around the symbol, corner and size of the box that is left to the text.
    """
    width, height = panel.width, panel.height
    if symbol is None:
        yield 0, 0, 0, 0, 0, 0, width, height
        return
    least = least_module(panel)
    gap = 2 * size
    for module in range(_MODULE, least - 1, -1):
        light = _light(panel, symbol, module)
        if light is None:
            continue
        below = light + gap
        for place in (
            (module, light, 0, (height - light) // 2, below, 0, width - below, height),
            (module, light, (width - light) // 2, 0, 0, below, width, height - below),
        ):
            if (
                _whole(place[6], size, fonts.WIDTH) >= _COLUMNS
                and _whole(place[7], size, fonts.HEIGHT) >= _LINES
            ):
                yield place


def _alone(panel, symbol):
    """The place of a symbol on a page of its own."""
    module = _MODULE
    while _light(panel, symbol, module) is None:
        module -= 1
    light = _light(panel, symbol, module)
    return module, light, (panel.width - light) // 2, (panel.height - light) // 2, 0, 0, 0, 0


def _light(panel, symbol, module):
    """The side of the light square around a symbol, None if it does not fit."""
    side = short(panel)
    wanted = module * (symbol[1] + 2 * _QUIET)
    if wanted <= side:
        return wanted
    if module == least_module(panel) and module * (symbol[1] + 2) <= side:
        return side
    return None


def _flow(items, plan, is_strict):
    """The items as pages, lists of blocks (size, lines, sign); None where the plan does not fit.

    The code is on every page that has room for it. Strict: no word is broken.
    """
    _, place, size, code_size, is_whole = plan
    width, height = place[6:]
    blocks = []
    page = []
    to_type = []
    for text, sign in items:
        if sign == "?" and not is_whole:
            continue
        scale = code_size if sign == "#" else size
        columns = _whole(width, scale, fonts.WIDTH)
        lines = _cut(text, columns) if sign in ("#", "@") else _wrap(text, columns, is_strict)
        if lines is None or (sign == "#" and code_size > size and not _is_neat(lines)):
            return None
        block = (scale, lines, sign)
        if sign in ("#", "@"):
            to_type.append(block)
        if sign == "#" and _height((block,)) <= height:
            page.append(block)
        else:
            blocks.append(block)
    if place[0] and code_size > size and _height(to_type) > height:
        return None  # beside a symbol, code and address on one page matter more than size
    return _pages(page, blocks, height)


def _pages(first, blocks, height):
    """Fill pages of `height` pixels with `blocks`; each begins with `first` where that fits."""
    pages = [first[:]]
    for scale, lines, sign in blocks:
        fitting = max(1, height // (scale * fonts.HEIGHT))
        if len(lines) > fitting:
            while len(lines) > fitting:
                pages.append([(scale, lines[:fitting], sign)])
                lines = lines[fitting:]
            pages.append([(scale, lines, sign)])
            continue
        block = [(scale, lines, sign)]
        for page in pages if first else pages[-1:]:  # with a code on each, in any order
            if _height(page + block) <= height:
                page += block
                break
        else:
            pages.append(first + block if _height(first + block) <= height else block)
    return [page for page in pages if page] or [[]]


def _wrap(text, columns, is_strict):
    """Lines of whole words; a word that is too long is broken, or None if that is forbidden."""
    lines = []
    line = ""
    for word in text.encode().split():  # as bytes: not at a blank that is not to be parted
        word = word.decode()
        if line and len(line) + 1 + len(word) <= columns:
            line += " " + word
            continue
        if line:
            lines.append(line)
        while len(word) > columns:
            if is_strict:
                return None
            lines.append(word[:columns])
            word = word[columns:]
        line = word
    lines.append(line)
    return lines


def _cut(text, columns):
    """The fewest lines, cut after one of _CUTS where that takes no more lines."""
    lines = []
    left = (len(text) - 1) // columns  # lines after this one
    while left > 0:
        end = columns
        while end > 1 and text[end - 1 : end] not in _CUTS:
            end -= 1
        if len(text) - end > left * columns or text[end - 1 : end] not in _CUTS:
            end = columns
        lines.append(text[:end])
        text = text[end:]
        left -= 1
    lines.append(text)
    return lines


def _is_neat(lines):
    """Whether a code is on one line, or on two that are cut between its groups."""
    return len(lines) == 1 or (len(lines) == 2 and lines[0][-1:] in _CUTS)


def _draw_blocks(panel, blocks, left, top, width, height):
    """Draw text centred in a box, with the lines of a block aligned on the left.

    The time left is not drawn: return its corner, size and lines, or None without one.
    """
    spare = height - _height(blocks)
    gap = min(spare // (len(blocks) + 1), 6 * max([block[0] for block in blocks] + [0]))
    y = top + (spare - gap * (len(blocks) - 1)) // 2
    clock = None
    for scale, lines, sign in blocks:
        longest = max([len(line) for line in lines])
        x = left + (width - longest * scale * fonts.WIDTH + scale) // 2
        if sign == "~":
            clock = x, y, scale, lines
        for line in lines:
            if sign != "~":
                fonts.draw(panel, fonts.numbers(line), x, y, scale)
            y += scale * fonts.HEIGHT
        y += gap
    return clock


def _height(blocks):
    """The height of `blocks` below each other, in pixels."""
    return sum([len(lines) * scale for scale, lines, _ in blocks]) * fonts.HEIGHT


def _whole(pixels, scale, step):
    """How many glyphs or lines of `step` font pixels fit in `pixels`; the last needs no gap."""
    return (pixels + scale) // (step * scale)
