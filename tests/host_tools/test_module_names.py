"""Short names of modules: which have one, and that everybody says the same."""

from keyfob_host.firmware.module_names import short_modules, with_short_modules


def test_what_programs_import_and_machine_code_keep_their_names() -> None:
    paths = ["keyfob/__init__.py", "keyfob/app.py", "keyfob/_b.py", "keyfob/net/_c.py"]
    assert short_modules([*paths, "keyfob/_a_viper.py", "keyfob/_long.py"]) == {
        "keyfob._b": "keyfob._1",
        "keyfob._long": "keyfob._2",
    }


def test_imports_and_texts_say_the_short_name() -> None:
    user = (
        "from keyfob import _long, _long as other, app\n"
        "from keyfob._long import helper\n"
        "with Loaded('keyfob._long') as code:\n"
        "    print('keyfob._longer', 'the keyfob._long')\n"
    )
    found = with_short_modules({"keyfob/app.py": user, "keyfob/_long.py": "helper = 1\n"})
    assert found == {
        "keyfob/app.py": (
            "from keyfob import _0 as _long, _0 as other, app\n"
            "from keyfob._0 import helper\n"
            "with Loaded('keyfob._0') as code:\n"
            "    print('keyfob._longer', 'the keyfob._long')\n"
        ),
        "keyfob/_0.py": "helper = 1\n",
    }
