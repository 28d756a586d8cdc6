"""Which event shows which screen, and what on it changes with time.

The contents of screens are in screen_table and texts, their layout on a panel is in layout; these
are loaded for each screen. The only secret here is the user code while it is valid. The next
screen replaces it (RFC 8628 section 5.5).
"""

from keyfob.compat import Loaded, const
from keyfob.oauth import ticks

# The screen of an event. Events that are not here leave the screen as it is.
_SCREEN_OF = {
    "user_code": "user_code",
    "linked": "linked",
    "denied": "denied",
    "expired": "expired",
    "signed_out": "sign_in_again",
    "unlinked": "unlinked",
    "error": "error",
}

_PAGE = const(5_000)  # ms that a page is shown, where a screen has several
_DIM = const(60_000)  # ms after which a screen that may be up for days is dimmed
_BRIGHT = const(0xCF)
_REST = const(1_000)  # ms between two drawings, at least
_MINUTE = const(60_000)
_STEP = const(10_000)  # ms: the steps in which the last minute is shown
_LEFT = "%d min,%d s"  # in one: MicroPython keeps short texts as names
_ASCII = const(126)  # its last character that has a glyph
_NEVER = const(1 << 29)  # ms, longer than any wait


class Screens:
    """Keeps `display` in step with a link: give its `notify` to an AccountLink.

    A display is a panel (see layout) with `fill(0)` and `show()`, or has `show(lines)` alone.
    A panel with `contrast(level)` is dimmed, unless its `can_dim` is False.
    `shown(name)` is called after each new screen. `language` is a column of texts, `button` the
    name of the button that links and unlinks, or None; both take effect with the next screen.
    `bright`, 0 to 255, is the contrast of a panel that is not dimmed.

    `name` is the present screen's, None before the first. `link` has the members for the screens
    about the link, `members` those for the present one. `press` is the action of a short press on
    the present screen (see screen_table), "" for none.

    Some of what a panel shows changes with time: call `update(ticks)` after each new screen,
    and again after as many ms as it returns.
    """

    def __init__(self, display, shown=None, language="en", button=None):
        self._display = display
        self._is_panel = hasattr(display, "fill")
        self._is_coloured = hasattr(display, "tint")
        self._shown = shown
        self.language = language
        self.button = button
        self.bright = _BRIGHT
        self._can_dim = getattr(display, "can_dim", hasattr(display, "contrast"))
        self._is_dimmed = False
        self.link = {}  # the members for the screens about the link
        self.press = ""
        self.name = None
        self._rests = self._then = self._look = ""  # the cells of its row
        self.members = None  # what its texts are filled in from
        self._items = ()  # its texts, as texts.items returns them
        self._code = None  # the members of user_code while the code is valid
        self._symbol = None  # its QR, where the panel has room for one
        self._left = None  # ms until it expires, if that is known
        self._picture = None  # its layout on a panel, and the number of pages
        self._pages = 1
        # Whether the panel is steady for a camera; None where it cannot be.
        self._is_steady = False if hasattr(display, "steady") else None
        self._is_stale = False  # sending the last picture failed
        self._age = 0  # ms since the screen came up
        self._seen = None  # ticks of the last update, None before the first
        self._page = 0  # the page and the time left (s) as they were drawn
        self._time = None
        self._drawn_at = 0  # the age at which they were drawn

    def notify(self, event, members):
        """Show what happened, if it changes what the person should see."""
        name = _SCREEN_OF.get(event)
        if event == "poll" and members["result"] == "approved":
            self._forget_code()  # still on the panel for a moment; tokens need the RAM
            self._forget_layout()
        elif event == "poll":
            name, members = self._wanted(members)
        elif event == "wifi" and self.name in ("wifi", "no_wifi", "linked", "idle"):
            if members.get("trouble"):
                name, members = "no_wifi", members["trouble"]
            elif members["state"] == "joined" and self.name[-4:] == "wifi":
                name = "clock"
                if "account" in self.link:  # of a link, which was told
                    name, members = "linked", self.link
        elif event == "error" and (not members["fatal"] or self.name == "sign_in_again"):
            name = None  # not fatal, or the screen already says more
        elif event in ("refreshed", "saved"):
            unsaved = members.get("unsaved")
            is_over = event == "refreshed" and self.name == "error"  # the trouble that it told of
            if is_over or unsaved != self.link.get("unsaved"):
                self.link = dict(self.link, unsaved=unsaved)
                if is_over or self.name in ("linked", "idle"):
                    name, members = "linked" if is_over else self.name, self.link
        if name is not None:
            self.show(name, members)

    def wake(self):
        """Make a dimmed panel bright again; return whether it was dimmed."""
        was_dimmed = self._is_dimmed
        if was_dimmed:
            self._dim(False)
            self._age = self._drawn_at = 0
            self._seen = None  # the last update may be days ago
        return was_dimmed

    def show_again(self):  # rare
        """Show a valid code from its first page on; a console prints it again."""
        if self._code is not None:
            self._age = 0
            if self._is_panel:
                self._spell(dict(self.members))
            self._draw()

    def show(self, name, members):
        """Show a screen, filled in from `members`; an empty one where memory does not suffice."""
        try:
            self._show(name, members)
        except MemoryError:  # its code did not fit
            self.name = name
            self._items = ()
            self.press = self._rests = self._then = ""  # nothing of the last screen
            self._forget_code()
            self._forget_layout()
            if self._is_panel:
                self._display.fill(0)  # an empty panel is better than an expired code
                try:
                    self._display.show()
                except OSError:
                    pass  # as in _send
        if self._shown is not None:
            self._shown(name)

    def _show(self, name, members):  # rare
        if name != self.name or "name" not in members:  # else the next reading, which wakes nobody
            self.wake()
            self._age = 0
        if name == "linked":
            self.link = members = dict(self.link, **members)  # a program's own screen comes back
        is_code = name in ("user_code", "offline")
        if not is_code or (name == "user_code" and members is not self._code):
            self._forget_code()
            self._seen = None
            if is_code:
                self._learn_code(members)
        self.name = name
        self.members = members
        self._picture = None
        self._pages = 1
        try:
            self._look_up()
        except MemoryError:
            self._items = ()
        self._draw()

    def update(self, now):
        """Draw what has changed by `now` in ticks; return ms until the next call, None for never.

        A new screen's time begins with its first update.
        """
        if not self._is_panel and self.name != "unlink":
            return None
        step = 0 if self._seen is None else ticks.diff(now, self._seen)
        self._seen = now
        self._age += step
        if self._left is not None:
            self._left = max(0, self._left - step)
        if self._then and self._age >= self._stay():
            self.show(self._then.split()[1], self.link)
        elif self._may_dim() and self._age >= _DIM:
            self._dim(True)
        elif self._page != self._page_due() or self._time != self._time_due():
            wait = self._drawn_at + _REST - self._age
            if wait > 0:
                return wait
            self._draw()
        elif self._is_stale and self._age >= self._drawn_at + _PAGE:
            self._drawn_at = self._age
            self._send()
        return self._wait()

    def _may_dim(self):
        if not self._can_dim or self.button is None:
            return False  # nothing would wake it
        return not self._is_dimmed and bool(self._rests)

    def _dim(self, is_dimmed):  # rare
        self._is_dimmed = is_dimmed
        try:
            self._display.contrast(0 if is_dimmed else self.bright)
        except OSError:
            pass  # as in _send

    def _wanted(self, members):
        """The screen and its members after a poll: `offline` without an answer, else the code."""
        result = members["result"]
        if result == "retry" and self.name == "user_code":
            return "offline", dict(self._code, trouble=members["trouble"])
        if result in ("pending", "slow_down") and self.name == "offline":
            return "user_code", self._code
        return None, members

    def _learn_code(self, members):  # rare
        self._code = members
        if members.get("expires_in"):
            self._left = int(members["expires_in"] * 1000)
        if not self._is_panel:
            return
        try:
            with Loaded("keyfob.ui.qr_fit") as fit:
                self._symbol = fit.symbol_for(self._display, members)
        except MemoryError:
            pass  # the code can be typed

    def _forget_code(self):
        if self._symbol is not None:
            buffer = self._symbol[0]
            for index in range(len(buffer)):
                buffer[index] = 0
        self._symbol = self._code = self._left = self._time = None

    def _look_up(self):  # rare
        """Read the screen's row and texts; the time left is filled in when it is drawn."""
        name = self.name
        members = dict(self.members, button=self.button)
        if name == "idle" and "name" in members:  # a program's own
            name = "value"
        if self._is_panel and (
            name == "value" or members.get("account") or members.get("user_code")
        ):
            self._spell(members)
        if self._left is not None:
            members["left"] = "{left}"
        self._items = ()
        self.press = self._rests = self._then = ""  # without memory nothing of the last screen
        with Loaded("keyfob.ui.screen_table") as table:
            self.press, self._rests, self._then, self._look, _ = table.row(name)
            with Loaded("keyfob.ui.texts") as texts:
                signs = texts.CONSOLE
                if self._is_panel:
                    signs = texts.COLOURED if self._is_coloured else texts.PLAIN
                self._items = texts.items(name, members, self.language, signs)

    def _spell(self, members):  # rare
        """Replace in `members` what the panel's font has no glyphs for."""
        if self._is_coloured:
            with Loaded("keyfob.ui.typeface") as letters:
                self._spell_without(letters.lacks, members)
        else:
            with Loaded("keyfob.ui.fonts") as letters:
                self._spell_without(letters.lacks, members)

    def _spell_without(self, lacks, members):  # rare
        """The same; a code must not be spelt otherwise: it is printed on the serial console."""
        account, code = members.get("account"), members.get("user_code")
        value = members.get("value")
        if value is not None and lacks(str(value)):
            with Loaded("keyfob.ui.latin") as latin:
                members["value"] = latin.legible(str(value), lacks)
        if account:
            with Loaded("keyfob.ui.latin") as latin:
                members["account"] = latin.account(account, lacks)
        if code and max(code.encode()) > _ASCII and lacks(code):
            with Loaded("keyfob.ui.texts") as texts:
                lines = [text for text, _ in texts.items(self.name, members, self.language)]
            with Loaded("keyfob.ui.displays.console") as console:
                console.Console().show(lines)
            members.update(user_code=None, shown=False)

    def _stay(self):
        """The age at which the next screen follows, once all pages were shown."""
        return max(int(self._then.split()[0]), self._pages * _PAGE)

    def _page_due(self):
        """The page to show now."""
        return self._age // _PAGE % self._pages

    def _time_due(self):
        """The seconds left to show now, None if they are not known."""
        left = self._left
        if left is None:
            return None
        if left >= _MINUTE:
            return left // _MINUTE * 60
        return max(10, left // _STEP * 10)

    def _wait(self):
        """Milliseconds until something is due, None if nothing ever is."""
        wait = _NEVER
        if self._pages > 1:
            wait = _PAGE - self._age % _PAGE
        if self._left is not None and self._left >= 2 * _STEP:
            step = _MINUTE if self._left >= _MINUTE else _STEP
            wait = min(wait, self._left % step + 1)
        if self._then:
            wait = min(wait, self._stay() - self._age)
        elif self._may_dim():
            wait = min(wait, max(0, _DIM - self._age))
        if self._is_stale:
            wait = min(wait, max(0, self._drawn_at + _PAGE - self._age))
        return None if wait == _NEVER else wait

    def _draw(self):  # rare
        self._page = self._page_due()
        self._time = self._time_due()
        self._drawn_at = self._age
        if self._is_panel:
            self._draw_panel()
        else:
            self._display.show([text for text, _ in self._filled()])

    def _filled(self):  # rare
        """The texts with the time left filled in."""
        seconds = self._time
        if seconds is None:
            return self._items
        minutes, alone = _LEFT.split(",")
        left = minutes % (seconds // 60) if seconds >= 60 else alone % seconds
        return [
            (text.replace("{left}", left) if sign == "~" else text, sign)
            for text, sign in self._items
        ]

    def _draw_panel(self):  # rare
        panel = self._display
        try:
            drawn = self._picture
            if drawn is None or (drawn.page is not None and drawn.page != self._page):
                panel.fill(0)
                self._compose(panel)
            self._picture.draw(self._page, self._time)
        except MemoryError:
            self._picture = None
            panel.fill(0)  # an empty panel is better than an expired code
            if self._symbol is not None:
                self._symbol = self._time = None  # drawn again soon: the code can be typed
        self._send()
        if self._pages == 1 and self._time is None:  # else it is drawn again
            self._forget_layout()

    def _forget_layout(self):
        """Free the layout of a screen that is not drawn again."""
        self._picture = None
        self._page = 0
        self._pages = 1

    def _send(self):  # rare
        """Send the picture to the panel. A panel that came loose must not end the link."""
        panel = self._display
        self._is_stale = True
        try:
            panel.show()
            if self._is_steady is (self._symbol is None):
                panel.steady(not self._is_steady)
                self._is_steady = not self._is_steady
            self._is_stale = False
        except OSError:
            pass

    def _compose(self, panel):  # rare
        """Lay out the screen; drawing it after that allocates nothing."""
        if self._is_coloured:
            try:
                with Loaded("keyfob.ui.face") as face:
                    self._picture = face.compose(
                        panel, self._items, self._symbol, self._look, self._whole(), self._page
                    )
            except OSError:  # the files of the typeface are missing
                self._is_coloured = False
                self._look_up()
        if not self._is_coloured:
            with Loaded("keyfob.ui.layout") as layout:
                self._picture = layout.compose(panel, self._filled(), self._symbol)
        self._pages = self._picture.count

    def _whole(self):  # rare
        """The seconds that the code was good for at first, None without one."""
        return self._code and self._code.get("expires_in")
