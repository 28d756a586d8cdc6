"""Modules of the firmware, and the files that they are in, as `keyfob/net/http.py`."""


def module_of(path: str) -> str:
    """The module that is in the file `path`, be it a package's or not."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def path_of(module: str) -> str:
    """The file of a `module` that is no package."""
    return module.replace(".", "/") + ".py"
