"""Run the executable as a user would, under a launcher that says what the kernel counted; a run whose peak
resident set exceeds the ceiling it was given fails its test. WEIR_EXE names another executable."""
import json
import os
import pathlib
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("WEIR_SHARED", ROOT.parent / "shared"))
EXE = ROOT / os.environ.get("WEIR_EXE", "build/weir")
PEAK = ROOT / "build/peak"
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def ceiling(args):
    for i, a in enumerate(args):
        if a in ("-S", "--memory") and i + 1 < len(args):
            text = args[i + 1]
            for unit, factor in UNITS.items():
                if text.endswith(unit):
                    return int(text[: -len(unit)]) * factor
            return int(text) if text.isdigit() else 1 << 20
    return 1 << 20


class Result:
    def __init__(self, code, out, err, peak):
        self.code, self.out, self.err, self.peak = code, out, err, peak

    def columns(self):
        rows = [json.loads(line) for line in self.out.split(b"\n") if line]    # splitlines would split at U+2028
        return {r["column"]: r for r in rows}


def run(*args, stdin=b"", env=None, over=False, timeout=120):
    args = [str(a) for a in args]
    with tempfile.NamedTemporaryFile() as report:
        p = subprocess.run([PEAK, report.name, "--", EXE, *args], input=stdin if isinstance(stdin, bytes) else None,
                           stdin=None if isinstance(stdin, bytes) else stdin, capture_output=True, timeout=timeout,
                           env={**os.environ, **(env or {})})
        peak = json.loads(report.read() or b'{"maxrss_bytes":0}')["maxrss_bytes"]
    if not over and ceiling(args) >= 768 << 10:
        assert peak <= ceiling(args), f"peak {peak} is above the ceiling {ceiling(args)}: weir {' '.join(args)}"
    return Result(p.returncode, p.stdout, p.stderr, peak)


def summary(*args, **kw):
    r = run("summary", "-o", "ndjson", *args, **kw)
    assert r.code == 0, r.err.decode()
    return r.columns()


def data(name):
    path = SHARED / "data" / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


@pytest.fixture
def file(tmp_path):
    def write(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
    return write
