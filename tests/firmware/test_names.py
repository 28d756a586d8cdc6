"""What a panel shows of people's names, in Latin letters and in others."""

import people

from keyfob.oauth.id_token import account_name
from keyfob.ui import fonts, latin


def test_a_person_s_name_is_drawn_or_gives_way_to_the_address():
    assert len(people.PEOPLE) >= 50 and len({row[0] for row in people.PEOPLE}) >= 20
    for country, name, address, shown in people.PEOPLE:
        text = account_name({"name": name, "email": address})
        assert latin.account(text, fonts.lacks) == shown, (country, name)


def test_an_account_of_which_nothing_can_be_drawn_is_not_shown():
    assert latin.account("李小龙 <李@example.cn>", fonts.lacks) is None
    assert (
        latin.account("Ελένη", fonts.lacks)
        is latin.account("★ ♥", fonts.lacks)
        is latin.account(" ", fonts.lacks)
        is None
    )
    assert latin.account("Ελένη Smith <e@example.gr>", fonts.lacks) == "e@example.gr"
    assert latin.account("Ana <ana@example.com>", fonts.lacks) == "Ana"
    assert latin.account("<3 <b> <ana@example.com>", fonts.lacks) == "<3 <b>"
    for text in ("Ana>", "Ana < Bob", "<ana>"):
        assert latin.account(text, fonts.lacks) == text


def test_too_long_a_name_is_cut():
    for length in (39, 40):
        assert latin.account("x" * length, fonts.lacks) == "x" * length
    assert latin.account("x" * 41, fonts.lacks) == "x" * 37 + "..."
    assert latin.account("Ō" * 200, fonts.lacks) == "O" * 37 + "..."
    assert latin.account("a" * 36 + " bcdef", fonts.lacks) == "a" * 36 + "..."
    assert latin.account("李 <%s@example.cn>" % ("x" * 60), fonts.lacks) == "x" * 37 + "..."


def test_every_letter_of_the_latin_blocks_but_a_few_has_one_that_is_drawn():
    left = []
    for first, last in ((0xA0, 0x24F), (0x1E00, 0x1EFF)):
        for code in range(first, last + 1):
            shown = latin.legible(chr(code), fonts.lacks)
            if fonts.lacks(shown):
                assert shown == chr(code)
                left.append(code)
    letters = [code for code in left if code >= 0xC0]
    assert len(letters) < 40
    assert not [code for code in letters if code < 0x180]


def test_combining_marks_fall_off():
    assert latin.legible("Jose\u0301 Mun\u0303oz", fonts.lacks) == "Jose Munoz"
    assert latin.legible("\u0301", fonts.lacks) == ""


def test_what_has_no_letter_that_comes_close_stays():
    for text in ("Ω", "Я", "中", "☕"):
        assert latin.legible("a" + text, fonts.lacks) == "a" + text
