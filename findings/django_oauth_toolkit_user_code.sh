#!/bin/sh
# django-oauth-toolkit 3.4.1 makes user codes of 8 signs out of 0-9 and A-V: 0 and O, 1 and I both
# occur, and vowels do. RFC 8628 section 6.1 asks for a set that a person types without mistakes,
# and gives 20 consonants as an example. A panel needs a font that draws these apart.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check \
    django-oauth-toolkit==3.4.1 Django==5.2.19

cat >"$dir/expected" <<'END'
length 8
signs 0123456789ABCDEFGHIJKLMNOPQRSTUV
END
"$dir/venv/bin/python" - <<'END' | tee "$dir/seen"
from django.conf import settings

settings.configure()
from oauth2_provider.utils import user_code_generator

codes = [user_code_generator() for _ in range(2000)]
print("length", *{len(code) for code in codes})
print("signs", "".join(sorted(set("".join(codes)))))
END
diff "$dir/expected" "$dir/seen"
echo "as noted: 0 and O, 1 and I in one code"
