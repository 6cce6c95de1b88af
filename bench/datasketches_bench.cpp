// datasketches_bench.cpp - Apache DataSketches C++ on the items of instruments_bench.c, case by case.
// Built by instruments.py when the headers can be had (DATASKETCHES_CPP=their checkout); never a part of weir.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>
#include "bloom_filter.hpp"
#include "count_min.hpp"
#include "frequent_items_sketch.hpp"
#include "hll.hpp"
#include "kll_sketch.hpp"
#include "tdigest.hpp"

static const size_t ITEMS = 1 << 15;
static std::vector<uint64_t> random_items(ITEMS), zipf_items(ITEMS);
static std::vector<double> random_doubles(ITEMS);
static uint64_t state = 1;
static uint64_t draw()
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t item(size_t n) { return random_items[n % ITEMS] + n / ITEMS * 0x9e3779b97f4a7c15u; }
static double real(size_t n) { return random_doubles[n % ITEMS] + (double)(n / ITEMS) * 0x1p-20; }

static void hll(uint8_t p, size_t n)
{
    datasketches::hll_sketch s(p, datasketches::HLL_8);
    for (size_t i = 0; i < n; i++) s.update(item(i));
    if (s.get_estimate() < 1) exit(1);
}

struct bench_case { const char *name; std::function<void(size_t)> run; size_t items; };

int main(int argc, char **argv)
{
    for (size_t i = 0; i < ITEMS; i++) {
        random_items[i] = draw();
        random_doubles[i] = (double)(draw() >> 11) * 0x1p-53 - 0.5;
        zipf_items[i] = (uint64_t)std::exp((double)(draw() >> 11) * 0x1p-53 * std::log(1e6));
    }
    auto kll = [](size_t n) { datasketches::kll_sketch<double> s(200); for (size_t i = 0; i < n; i++) s.update(real(i)); if (s.is_empty()) exit(1); };
    const bench_case cases[] = {
        { "hll p=12", [](size_t n) { hll(12, n); }, 5u << 20 },
        { "hll p=14", [](size_t n) { hll(14, n); }, 5u << 20 },
        { "kll k=200, n=1e6", kll, 1000 << 10 },
        { "kll k=200, n=1e8", kll, 20000 << 10 },
        { "tdigest 200", [](size_t n) { datasketches::tdigest<double> s(200); for (size_t i = 0; i < n; i++) s.update(real(i)); }, 2u << 20 },
        { "heavy 4096, zipf 1.0", [](size_t n) { datasketches::frequent_items_sketch<uint64_t> s(12); for (size_t i = 0; i < n; i++) s.update(zipf_items[i % ITEMS]); }, 5u << 20 },
        { "heavy 4096, all different", [](size_t n) { datasketches::frequent_items_sketch<uint64_t> s(12); for (size_t i = 0; i < n; i++) s.update(item(i)); }, 3u << 20 },
        { "bloom 256 KiB, test and set", [](size_t n) {
              auto b = datasketches::bloom_filter::builder::create_by_size(2097152, 8, 1);
              size_t seen = 0;
              for (size_t i = 0; i < n; i++) seen += b.query_and_update(item(i));
              if (seen > n) exit(1); }, 3u << 20 },
        { "countmin 4 x 4096", [](size_t n) { datasketches::count_min_sketch<uint64_t> s(4, 4096); for (size_t i = 0; i < n; i++) s.update(item(i)); }, 3u << 20 },
    };
    for (const auto &c : cases) {
        bool wanted = argc == 1;
        for (int i = 1; i < argc; i++) wanted |= std::strcmp(argv[i], c.name) == 0;
        if (!wanted) continue;
        const auto start = std::chrono::steady_clock::now();
        c.run(c.items);
        const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
        std::printf("%s\t%.4f\n", c.name, ns / (double)c.items);
        std::fflush(stdout);
    }
    return 0;
}
