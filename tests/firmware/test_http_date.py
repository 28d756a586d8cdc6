"""Dates in HTTP headers as Unix seconds."""

import support

from keyfob.oauth.http_date import days_from_civil, parse


def test_all_three_forms_name_the_same_second():
    # RFC 9110 section 5.6.7 gives this moment in each form.
    for text in (
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ):
        assert parse(text) == 784_111_777, text


def test_known_moments():
    cases = [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ("Thu, 31 Dec 2026 23:59:59 GMT", 1_798_761_599),
        ("Fri, 31 Dec 2027 23:59:60 GMT", 1_830_297_600),  # a leap second is the next one
        ("Friday, 31-Dec-69 00:00:00 GMT", 3_155_673_600),  # two digits: 1970 to 2069
        ("Thursday, 01-Jan-70 00:00:00 GMT", 0),
    ]
    for text, seconds in cases:
        assert parse(text) == seconds, text


def test_what_is_no_date_is_none():
    for text in (
        None,
        "",
        "soon",
        "17",
        "Sun, 06 Nov 1994",
        "Sun, 06 November 1994 08:49:37 GMT",
        "Sun, 06 N 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 30 Feb 2028 08:49:37 GMT",
        "Sun, 29 Feb 2027 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08:49:xx GMT",
        "Sun, 06 Nov year 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
        7,
        "Sun, \u0660\u0666 Nov 1994 08:49:37 GMT",
        "Sun,\u00a006 Nov 1994 08:49:37 GMT",
        "Sun, 06\x1cNov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\x00",
        "Sun, 06 Nov %s 08:49:37 GMT" % ("9" * 5000),
    ):
        assert parse(text) is None, text


def test_a_date_of_another_zone_is_not_taken_as_it_stands():
    for zone in ("+0200", "-0200", "CET", "EST", "+0000", "Z", "GMT+2", "GMT +0200", "G M T", ""):
        assert parse("Sun, 06 Nov 1994 08:49:37 " + zone) is None, zone
        assert parse("Sunday, 06-Nov-94 08:49:37 " + zone) is None, zone
        assert not zone or parse("Sun Nov  6 08:49:37 1994 " + zone) is None, zone
        assert not zone or parse("Sun Nov  6 08:49:37 %s 1994" % zone) is None, zone
    for zone in ("GMT", "gmt", "UTC"):
        assert parse("Sun, 06 Nov 1994 08:49:37 " + zone) == 784_111_777, zone


def test_two_dates_are_none():
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert parse("%s, %s" % (date, date)) is None


def test_sweep_each_day_follows_the_one_before():
    # Four hundred years are the calendar's whole cycle.
    expected = days_from_civil(1970, 1, 1)
    assert expected == 0
    for year in range(1970, 2371 if support.WHOLE else 2010):
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        for month in range(1, 13):
            length = 30 if month in (4, 6, 9, 11) else 31
            if month == 2:
                length = 29 if leap else 28
            for day in range(1, length + 1):
                assert days_from_civil(year, month, day) == expected, (year, month, day)
                expected += 1
