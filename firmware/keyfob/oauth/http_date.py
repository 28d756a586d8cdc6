"""Dates in HTTP headers (RFC 9110 section 5.6.7) as Unix seconds."""

from keyfob.compat import const

_LONGEST = const(64)  # characters: twice a date
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def days_from_civil(year, month, day):
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    if month <= 2:
        year -= 1
        month += 12
    return (
        365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day
    ) - 719469


def parse(text):
    """Unix seconds of `Sun, 06 Nov 1994 08:49:37 GMT` or of either obsolete form.

    Returns None where `text` is not such a date, or is one of another time zone.
    """
    try:
        if len(text) > _LONGEST or text.strip(bytes(range(0x20, 0x7F)).decode()):
            return None  # no other script's digits or blanks
        fields = text.replace(",", " ").replace("-", " ").split()
        if len(fields) == 5:  # asctime: Sun Nov  6 08:49:37 1994, which is in GMT
            month, day, clock, year = fields[1:]
        else:
            day, month, year, clock, zone = fields[1:]
            if zone.upper() not in ("GMT", "UTC"):
                return None
        hour, minute, second = [int(part) for part in clock.split(":")]
        month = _MONTHS.index(month) + 1
        day, year = int(day), int(year)
    except (TypeError, ValueError, AttributeError, IndexError):
        return None
    if not (1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    if year < 100:  # RFC 850 wrote two digits
        year += 2000 if year < 70 else 1900
    days = days_from_civil(year, month, day)
    if day > 28 and days >= days_from_civil(year + month // 12, month % 12 + 1, 1):
        return None  # this month has no such day
    return days * 86400 + (hour * 60 + minute) * 60 + second
