#!/bin/sh
# adafruit-circuitpython-miniqr 2.1.9 picks a version too small for a text one byte longer than
# that version holds. ISO/IEC 18004 table 7: 17, 32 and 53 bytes fit versions 1, 2 and 3 at level
# L. A text of 18 bytes should become version 2 (25 modules); make() raises RuntimeError instead.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check adafruit-circuitpython-miniqr==2.1.9

cat >"$dir/expected" <<'END'
17 bytes: 21 modules
18 bytes: RuntimeError
32 bytes: 25 modules
33 bytes: RuntimeError
53 bytes: 29 modules
54 bytes: RuntimeError
END
"$dir/venv/bin/python" - <<'END' | tee "$dir/seen"
import adafruit_miniqr

for length in (17, 18, 32, 33, 53, 54):
    code = adafruit_miniqr.QRCode(error_correct=adafruit_miniqr.L)
    code.add_data(b"a" * length)
    try:
        code.make()
        print(length, "bytes:", code.matrix.width, "modules")
    except RuntimeError as error:
        print(length, "bytes:", type(error).__name__)
END
diff "$dir/expected" "$dir/seen"
echo "as noted: one byte over a version's capacity raises"
