"""Inside the MicroPython VM: run functions of one test module, marking where each begins and ends.

vm_runner.py whole|sample MODULE

Standard input has one line a test: the function's name, or that, a blank and its case.
"""

import asyncio
import gc
import sys

import support

_MARK = "\n\x01keyfob"


def main(extent, module_name, names):
    support.WHOLE = extent == "whole"
    module = __import__(module_name)
    for name in names:
        function, _, case = name.partition(" ")
        gc.collect()
        print(_MARK, "begin", name)
        try:
            result = getattr(module, function)(*([case] if case else []))
            if hasattr(result, "send"):
                asyncio.new_event_loop()
                asyncio.run(result)
            word = "passed"
        except (Exception, SystemExit) as error:  # noqa: BLE001 - reported
            sys.print_exception(error, sys.stdout)
            word = "failed"
        print(_MARK, word, name)


main(sys.argv[1], sys.argv[2], sys.stdin.read().split("\n"))
