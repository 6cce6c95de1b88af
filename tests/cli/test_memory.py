"""The ceiling: the plan, small and large memories, wide tables, long streams, cgroups."""
import json
import os
import pathlib
import random
import re
import subprocess

import numpy
import pytest

from conftest import EXE, ROOT, data, run, summary


def plan(*args):
    r = run("plan", "-o", "ndjson", "summary", *args)
    assert r.code == 0, r.err
    lines = [json.loads(line) for line in r.out.decode().splitlines()]
    return lines[:-1], lines[-1]


@pytest.mark.parametrize("memory", ["768KiB", "1MiB", "1234567", "2MiB", "8MiB", "100MiB"])
@pytest.mark.parametrize("name", ["nycflights13/planes.csv", "loghub/Apache_2k.log_structured.csv", "csv-spectrum/csvs/simple.csv", "nycflights13/weather.csv", "loghub/OpenSSH_2k.log_structured.csv", "ndjson/amazon_cellphones.ndjson"])
def test_the_plan_adds_up_and_the_run_keeps_it(name, memory):
    parts, total = plan("-S", memory, data(name))
    assert sum(p["bytes"] for p in parts) == total["bytes"] <= total["limit_bytes"]
    r = run("summary", "-S", memory, "-o", "ndjson", "--stats", data(name))    # run() checks the peak
    assert r.code == 0
    stats = json.loads(r.err.splitlines()[-1])
    assert stats["peak_rss_bytes"] <= stats["memory_limit_bytes"] == total["limit_bytes"]


@pytest.mark.parametrize("options", [[], ["--parallel", "2"], ["--parallel", "1"], ["--only", "count,mean"], ["-q", "0.5"], ["-k", "1000"],
                                     ["--max-record", "256KiB", "-S", "4MiB"], ["-f", "id"], ["-i", "tsv"], ["-i", "f64"], ["-i", "struct:a=u8,b=s7"]])
def test_the_plan_of_any_question_adds_up(file, options):
    path = file("id,name,x\n" + "1,ab,2\n" * 2000)
    parts, total = plan(*options, path)
    assert sum(p["bytes"] for p in parts) == total["bytes"] <= total["limit_bytes"]
    assert len({p["part"] for p in parts}) == len(parts) and all(p["bytes"] > 0 for p in parts)
    table = run("plan", "summary", *options, path).out.decode()
    assert all(p["part"] in table for p in parts) and str(total["bytes"]) in table


def test_the_plan_reads_no_more_than_the_first_block(tmp_path):
    path = tmp_path / "sparse.csv"
    with open(path, "wb") as f:
        f.write(b"a,b\n1,2\n" * 20000)
        f.truncate(1 << 40)
    parts, total = plan(path)
    assert total["columns"] == 2 and total["workers"] in (1, 2)


def test_memory_goes_to_what_a_column_can_have(file):
    rows = "".join(f"{i},x{i % 50},{'true' if i % 3 else 'false'},,{i % 7 / 4}\n" for i in range(3000))
    parts, total = plan("-S", "768KiB", file(",".join(f"{name}{i}" for i in range(8) for name in "ntbef") + "\n" + "".join(",".join([r] * 8) + "\n" for r in rows.splitlines())))
    bought = {p["part"]: p["buys"] for p in parts if "columns" in p["part"]}
    each = {part: int(re.search(r"x ([0-9]+) B", buys).group(1)) for part, buys in bought.items()}
    assert [int(bought[k].split()[0]) for k in ("columns", "empty columns", "text columns", "bool columns")] == [16, 8, 8, 8]
    assert "rank" in bought["columns"] and "rank" in bought["empty columns"] and "rank" not in bought["text columns"] + bought["bool columns"]
    assert each["columns"] > each["empty columns"] > each["bool columns"] and each["bool columns"] < 2048
    assert sum(p["bytes"] for p in parts) == total["bytes"] <= total["limit_bytes"]
    numbers, _ = plan("-S", "768KiB", "-f", ",".join(f"n{i}" for i in range(8)), file("n0,n1,n2,n3,n4,n5,n6,n7\n" + "1,2,3,4,5,6,7,8\n" * 100, "n.csv"))
    assert {p["part"] for p in numbers if "columns" in p["part"]} == {"columns"}


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_column_that_turns_out_to_be_another_has_its_figures(file, parallel):
    early = ["true,,5,x\n"] * 20000    # more than the first block
    late = [f"word{i},{i},2.5,{i}\n" for i in range(1000)]
    got = summary("--parallel", parallel, file("b,e,n,t\n" + "".join(early + late)))
    assert [got[c]["type"] for c in "bent"] == ["string", "int", "float", "string"]
    assert (got["b"]["count"], got["e"]["count"], got["e"]["nulls"], got["n"]["count"]) == (21000, 1000, 20000, 21000)
    assert got["e"]["quantiles"]["0.5"]["lo"] <= 499 <= got["e"]["quantiles"]["0.5"]["hi"]
    assert got["b"]["max"] == "word999" and got["b"]["top"][0]["value"] in ("true", True)
    for c, n in (("b", 1001), ("e", 1000), ("n", 2), ("t", 1001)):
        d = got[c]["distinct"]
        assert d["est"] == n if d["exact"] else abs(d["est"] - n) <= 2.5 * (d["hi"] - d["lo"]) / 2


def test_more_memory_gives_smaller_errors(file):
    rng = random.Random(4)
    values = [rng.getrandbits(40) for _ in range(30000)]
    columns = 60    # with few, the least memory buys the best sketches already
    path = file(",".join(f"c{i}" for i in range(columns)) + "\n" + "".join(",".join([str(v)] * columns) + "\n" for v in values))
    ordered, distinct, ranks, top = sorted(values), [], [], []
    position = {v: i for i, v in enumerate(ordered)}
    for memory in ("768KiB", "1MiB", "2MiB", "8MiB"):
        got = summary("-S", memory, "--seed", 1, path)["c5"]
        distinct.append((got["distinct"]["hi"] - got["distinct"]["lo"]) / got["distinct"]["est"])
        ranks.append(max(position[q["hi"]] - position[q["lo"]] for q in got["quantiles"].values()))
        top.append(max(t["error"] for t in got["top"]) if got["top"] else len(values))
    for widths in (distinct, ranks, top):
        assert all(b <= a * 1.25 for a, b in zip(widths, widths[1:])), widths
    for widths in (distinct, ranks, top):
        assert widths[-1] < widths[0] / 2, widths


def test_what_does_not_fit_is_refused_with_the_table(file):
    r = run("summary", "-S", "100KiB", file("a\n1\n"), over=True)
    assert r.code == 78 and r.out == b""
    text = r.err.decode()
    assert "do not fit" in text and "total" in text
    table = [line.split() for line in text.splitlines()[1:]]
    sizes = {" ".join(line[: next(i for i, w in enumerate(line) if w.isdigit())]): int(next(w for w in line if w.isdigit())) for line in table}
    needed = sizes.pop("total")
    largest = max(sizes, key=sizes.get)
    assert f"most of them ({sizes[largest]}) for '{largest}'" in text and f"{needed} bytes would be needed" in text
    assert needed > 100 << 10 and sum(sizes.values()) == needed
    assert run("plan", "summary", "-S", "100KiB", file("a\n1\n"), over=True).code == 78


def test_too_many_columns_for_the_memory_are_refused_and_more_memory_helps(file):
    path = file(",".join(f"c{i}" for i in range(3000)) + "\n" + ",".join("1" * 3000) + "\n")
    r = run("summary", path)
    assert r.code == 78 and r.out == b"" and b"do not fit" in r.err
    assert len(summary("-S", "8MiB", path)) == 3000
    assert list(summary("-f", "c2999", path)) == ["c2999"]
    r = run("summary", file(",".join("c" * 5000) + "\n", "wide.csv"), "-S", "64MiB")
    assert r.code == 65 and b"5000 columns; the limit is 4096" in r.err


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
        assert sum(t["count"] - t["error"] for t in c.get("top") or []) <= 200
    some = summary("-f", "c5,c7,c998", path)
    assert set(some) == {"c5", "c7", "c998"}
    for name, c in some.items():
        column = sorted(r[int(name[1:])] for r in rows)
        assert (c["count"], c["min"], c["max"]) == (200, column[0], column[-1])
        assert c["distinct"] == {"est": len(set(column)), "lo": len(set(column)), "hi": len(set(column)), "exact": True}
        assert c["quantiles"]["0.5"]["lo"] <= column[99] <= c["quantiles"]["0.5"]["hi"]
    for workers in ("1", "2"):
        r = run("summary", "-o", "ndjson", "--only", "count,max", "--parallel", workers, path)
        assert r.code == 0 and len(r.columns()) == 1000


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


@pytest.mark.parametrize("kind", ["csv", "tsv", "ndjson", "npy", "f64", "u8", "struct:a=u32,b=f64"])
@pytest.mark.parametrize("way", ["file", "pipe"])
def test_an_input_of_0_bytes(file, kind, way):
    path = file(b"", "nothing")
    r = run("summary", "-o", "ndjson", "-i", kind, path) if way == "file" else run("summary", "-o", "ndjson", "-i", kind, "-")
    if kind == "npy":    # there is no header
        assert r.code == 65 and r.out == b"" and b"npy" in r.err
    else:
        assert r.code == 0 and r.err == b"" and all(c["count"] == 0 and c["nulls"] == 0 for c in r.columns().values())


@pytest.mark.parametrize("kind,dtype", [("u8", "u1"), ("i16", "i2"), ("f64", "f8"), ("u64", "u8"), ("f32", "f4")])
def test_numbers_nobody_would_choose_keep_the_ceiling_and_are_right(kind, dtype):
    size = 200 << 20
    block = numpy.frombuffer(random.Random(8).randbytes(1 << 20), dtype)
    feed = subprocess.Popen(["/usr/bin/python3", "-c", "import random, sys\nb = random.Random(8).randbytes(1 << 20)\n"
                             f"for _ in range({size >> 20}): sys.stdout.buffer.write(b)"], stdout=subprocess.PIPE)
    r = run("summary", "-i", kind, "-o", "ndjson", "--stats", "-", stdin=feed.stdout)
    feed.stdout.close()
    assert feed.wait() == 0 and r.code == 0
    got = r.columns()["value"]
    nulls = int(numpy.isnan(block).sum()) if dtype[0] == "f" else 0
    kept = block[~numpy.isnan(block)] if nulls else block
    assert got["count"] == len(kept) * (size >> 20) and got["nulls"] == nulls * (size >> 20)
    def number(v): return float(v) if dtype[0] == "f" else int(v)
    assert float(got["min"]) == number(kept.min()) if dtype[0] == "f" else got["min"] == number(kept.min())
    assert float(got["max"]) == number(kept.max()) if dtype[0] == "f" else got["max"] == number(kept.max())
    if dtype[0] != "f":
        assert got["mean"] == pytest.approx(sum(map(int, kept)) / len(kept), rel=1e-12)
        d = got["distinct"]
        assert abs(d["est"] - len(numpy.unique(kept))) <= 2.5 * (d["hi"] - d["lo"]) / 2
    stats = json.loads(r.err.splitlines()[-1])
    assert stats["bytes"] == size and stats["records"] == got["count"] + got["nulls"] and stats["peak_rss_bytes"] <= 1 << 20


@pytest.mark.parametrize("memory", ["768KiB", "1MiB", "2MiB", "8MiB"])
@pytest.mark.parametrize("parallel", ["1", "2"])
def test_each_ceiling_holds_with_long_texts_and_many_values(file, memory, parallel):
    rng = random.Random(6)
    rows = "".join(f"{i},{rng.randbytes(rng.randrange(300)).hex()},{rng.random()!r},2020-01-01T00:{i % 60:02}:00Z\n" for i in range(40000))
    path = file("id,text,x,t\n" + rows)
    got = summary("-S", memory, "--parallel", parallel, path)    # run() checks the peak
    assert [got[c]["count"] + got[c]["nulls"] for c in ("id", "text", "x", "t")] == [40000] * 4
    assert [got[c]["type"] for c in ("id", "text", "x", "t")] == ["int", "string", "float", "time"]


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
@pytest.mark.parametrize("cache,parallel", [("warm", "1"), ("warm", "2"), ("cold", "1"), ("warm", None), ("cold", None)])
def test_it_lives_in_a_memory_cgroup_of_one_mebibyte(tmp_path, cache, parallel):
    path = tmp_path / "big.csv"
    path.write_bytes(b"id,name,x\n" + b"".join(b"%d,host%d,%d.5\n" % (i, i % 500, i % 977) for i in range(1400000)))    # 30 MB
    group = cgroup()
    try:
        if cache == "cold":
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)
        command = f'echo $$ > {group}/cgroup.procs && exec {EXE} summary {f"--parallel {parallel}" if parallel else ""} -o csv {path}'
        p = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=120)
        assert p.returncode == 0, (p.returncode, p.stderr)
        assert b"1400000" in p.stdout
    finally:
        group.rmdir()


def test_the_executable_is_small_and_starts_at_once(file):
    import time
    path = file(b"", "empty.csv")
    assert (ROOT / "build/weir").stat().st_size <= 1 << 20    # on disk, with chains, SQL, rings and gaps of 64 KiB
    parts = {row["part"]: row["bytes"] for row in map(json.loads, run("plan", "summary", "-o", "ndjson", path).out.splitlines()) if "part" in row}
    assert parts["program"] <= (344 if EXE == ROOT / "build/weir" else 348) << 10    # what a summary can have resident of it; test builds have hooks
    times = []
    for _ in range(100):
        t = time.perf_counter()
        subprocess.run([ROOT / "build/weir", "summary", path], stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - t)
    assert sorted(times)[5] <= 0.002 + 0.001    # with Python's own fork and exec, about 1 ms; the quick ones, for others may have the machine


def test_the_library_exports_what_its_headers_declare_and_nothing_else():
    import re
    library = ROOT / "build/libweir.so.0"
    nm = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[2].split("@")[0] for line in nm.splitlines() if line.split()[1] in "TDRB"}
    declared = set()
    for header in (ROOT / "include/weir").glob("*.h"):
        declared |= set(re.findall(r"\b(weir_\w+)\s*\((?!\*)", re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)))
    inline = {"weir_key_f64", "weir_f64_key"}
    assert exported - {"WEIR_0.1"} == declared - inline


def test_the_static_executable_links_no_allocator():
    symbols = subprocess.run(["nm", ROOT / "build/static/src/weir"], capture_output=True, text=True, check=True).stdout
    assert not {line.split()[-1] for line in symbols.splitlines()} & {"realloc", "calloc"}
