"""Fuzz targets on CPython, guided by coverage (atheris): guided.py TARGET,... OPTION... FOLDER

The first byte of an input picks the target, and FOLDER has such inputs to begin with. The options
are libFuzzer's. What is raised without a type ends the run with an exit code other than 0, and is
told with the input that raised it.
"""

import sys

import atheris

with atheris.instrument_imports(include=["keyfob", "keyfob_host"]):
    import host_targets
    import targets

TARGETS = {**targets.TARGETS, **host_targets.TARGETS}


def main(names: str, *options: str) -> None:
    """Fuzz the targets with these names until libFuzzer ends it."""
    chosen = [TARGETS[name] for name in names.split(",")]

    def once(data: bytes) -> None:
        if data:
            chosen[data[0] % len(chosen)](data[1:])

    atheris.Setup([sys.argv[0], *options], once)
    atheris.Fuzz()


main(*sys.argv[1:])
