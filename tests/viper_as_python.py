"""The firmware's machine code as CPython runs it: plain Python but for the compiler's own names.

`qr_viper` is keyfob.ui.qr_viper; under that name CPython has none, and keyfob.ui.qr does without.
"""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from unittest.mock import patch

from keyfob_host.resources import firmware_dir


def _load() -> ModuleType:
    path = firmware_dir() / "keyfob/ui/qr_viper.py"
    spec = importlib.util.spec_from_file_location("qr_viper", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module).update(
        micropython=SimpleNamespace(viper=lambda function: function),
        ptr8=memoryview,
        ptr16=lambda buffer: memoryview(buffer).cast("H"),
    )
    implementation = SimpleNamespace(**vars(sys.implementation) | {"name": "micropython"})
    with patch.object(sys, "implementation", implementation):
        spec.loader.exec_module(module)
    return module


qr_viper = _load()
