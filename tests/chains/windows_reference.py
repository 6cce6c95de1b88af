"""Windows row by row, slowly, as src/windows/window.h and src/engine/aggregation.h have it: watermark = the largest time so far -
lateness; a window closes when the watermark reaches its end; a row is late when every window it belongs to is closed."""
from collections import Counter


def fixed(rows, size, hop, lateness):
    """rows: (time or None, key, value). Windows [start, start + size) that begin at every multiple of hop.
    {(start, key): [values in order]}, the numbers of the late rows, untimed."""
    watermark, windows, late, untimed = None, {}, [], 0
    for number, (t, key, value) in enumerate(rows):
        if t is None:
            untimed += 1
            continue
        last = t // hop * hop
        starts = [s for s in range(last - (size - 1) // hop * hop, last + 1, hop) if s <= t < s + size and (watermark is None or s + size > watermark)]
        if not starts:
            late.append(number)
        for s in starts:
            windows.setdefault((s, key), []).append(value)
        watermark = t - lateness if watermark is None else max(watermark, t - lateness)
    return windows, late, untimed


def counted(rows, size):
    windows = {}
    for i, (_, key, value) in enumerate(rows):
        windows.setdefault((i // size * size, key), []).append(value)
    return windows


def sessions(rows, gap, lateness):
    """[(start, end, key, [values])]: a key has one open session; a row that does not touch it, on either side, begins another."""
    watermark, opened, done, late, untimed = None, {}, [], [], 0
    for number, (t, key, value) in enumerate(rows):
        if t is None:
            untimed += 1
            continue
        if watermark is not None and t + gap <= watermark:
            late.append(number)
            continue
        watermark = t - lateness if watermark is None else max(watermark, t - lateness)
        for k in [k for k, s in opened.items() if s[1] + gap <= watermark]:
            s = opened.pop(k)
            done.append((s[0], s[1] + gap, k, s[2]))
        s = opened.get(key)
        if s is not None and (t >= s[1] + gap or t + gap <= s[0]):
            done.append((s[0], s[1] + gap, key, s[2]))
            s = None
        if s is None:
            s = opened[key] = [t, t, []]
        s[0], s[1] = min(s[0], t), max(s[1], t)
        s[2].append(value)
    done += [(s[0], s[1] + gap, k, s[2]) for k, s in opened.items()]
    return done, late, untimed


def same_sessions(a, b):
    return Counter(map(repr, a)) == Counter(map(repr, b))
