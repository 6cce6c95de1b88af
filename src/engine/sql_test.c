/* sql_test.c - what engine/sql.h promises. Words of a chain are shown with " | " between them. */
#include "engine/sql.h"
#include "tests/weir_test.h"

static struct sql_chain chain;
static struct sql_error why;
static char shown[2 * WEIR_SQL_TEXT_BYTES];

/* In memory of exactly its size, so that reading beyond it shows. */
static int lower(const char *sql)
{
    size_t const length = strlen(sql);
    char *exact = malloc(length + (length == 0));
    if (exact == NULL) abort();
    memcpy(exact, sql, length);
    memset(&why, 0, sizeof why);
    int const result = sql_lower(exact, length, &chain, &why);
    free(exact);
    shown[0] = '\0';
    for (unsigned i = 0; i < chain.count; i++) {
        if (i != 0) strcat(shown, " | ");
        strcat(shown, chain.tokens[i]);
    }
    return result;
}

struct pair { const char *sql, *words; };
static void check_pairs(const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lower(pairs[i].sql) != 0) fail_msg("refused: %s\n  %s", pairs[i].sql, why.reason);
        if (strcmp(shown, pairs[i].words) != 0) fail_msg("%s\n  gave   %s\n  wanted %s", pairs[i].sql, shown, pairs[i].words);
    }
}
#define CHECK_PAIRS(...) do { static const struct pair pairs_[] = { __VA_ARGS__ }; \
                              check_pairs(pairs_, sizeof pairs_ / sizeof pairs_[0]); } while (0)

TEST(rows_are_filtered_then_selected_then_cut)
{
    CHECK_PAIRS(
        { "SELECT * FROM 'a.csv'", "filter | true" },
        { "SELECT *", "filter | true" },
        { "SELECT * FROM t WHERE x > 1", "filter | x > 1" },
        { "SELECT * FROM t LIMIT 10;", "head | -n | 10" },
        { "SELECT * FROM t LIMIT ALL", "filter | true" },
        { "SELECT ALL a FROM t", "select | a" },
        { "SELECT a, b FROM t", "select | a, b" },
        { "select a AS x, b y, c \"odd name\" from t where a = 1 limit 7",
          "filter | a == 1 | then | select | a as x, b as y, c as `odd name` | then | head | -n | 7" },
        { "SELECT a + 1 FROM t", "select | a + 1 as `a + 1`" },
        { "SELECT a+1,\n upper( b ) -- why\n FROM t", "select | a + 1 as `a+1`, upper(b) as `upper( b )`" },
        { "SELECT /* one\n */ a /* two */ + 1", "select | a + 1 as `a + 1`" });
}

TEST(the_file_is_what_from_names)
{
    static const struct { const char *sql, *file; } files[] = {
        { "SELECT a", NULL }, { "SELECT a FROM stdin", NULL }, { "SELECT a FROM '-'", NULL }, { "SELECT a FROM events", "events" },
        { "SELECT a FROM events.csv", "events.csv" }, { "SELECT a FROM 'it''s.csv' AS t", "it's.csv" },
        { "SELECT a FROM \"my file\" x", "my file" }, { "SELECT a FROM 'stdin'", "stdin" },
        { "SELECT a FROM 'log.json' WHERE a = 'b'", "log.json" } };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (lower(files[i].sql) != 0) fail_msg("%s: %s", files[i].sql, why.reason);
        if (files[i].file == NULL) CHECK(chain.file == NULL);
        else assert_string_equal(chain.file, files[i].file);
    }
}

TEST(names_of_the_input_fall_away_and_paths_stay)
{
    CHECK_PAIRS(
        { "SELECT t.a, T.b.c, x.d FROM 'f' AS t", "select | a, b.c, x.d" },
        { "SELECT log.level FROM log", "select | level" },
        { "SELECT \"t\".\"a b\".c FROM t", "select | `a b.c`" },
        { "SELECT t FROM t", "select | t" },
        { "SELECT \"SELECT\", \"then\", \"a\"\"b\", \"plain\", \"x.0\" FROM t", "select | SELECT, `then`, `a\"b`, plain, `x.0`" },
        { "SELECT a AS \"x.y\" FROM t x", "select | a as x.y" },
        { "SELECT gr\xc3\xb6\xc3\x9f""e, a$b", "select | `gr\xc3\xb6\xc3\x9f""e`, `a$b`" },
        { "SELECT filter, offset, left, over FROM t", "select | filter, offset, left, over" });
}

TEST(operators_keep_their_meaning)
{
    CHECK_PAIRS(
        { "SELECT * WHERE a = 1 AND b <> 2 OR c != 3", "filter | a == 1 and b != 2 or c != 3" },
        { "SELECT * WHERE NOT a = 1 AND NOT (b < 2 OR c >= 3)", "filter | not a == 1 and not (b < 2 or c >= 3)" },
        { "SELECT * WHERE a == 1 AND b <= 2", "filter | a == 1 and b <= 2" },
        { "SELECT * WHERE a IN (1, 2, 3) AND b NOT IN ('x', 'y')", "filter | a in (1, 2, 3) and b not in ('x', 'y')" },
        { "SELECT * WHERE a BETWEEN 1 AND 2 + 3 AND b NOT BETWEEN c AND d", "filter | a between 1 and 2 + 3 and b not between c and d" },
        { "SELECT * WHERE a LIKE 'x%' OR a NOT LIKE '_y' OR a ILIKE 'z'", "filter | a like 'x%' or a not like '_y' or a ilike 'z'" },
        { "SELECT * WHERE a IS NULL OR b IS NOT NULL", "filter | a is null or b is not null" },
        { "SELECT * WHERE a IS TRUE AND b IS NOT TRUE AND c IS FALSE AND d IS NOT FALSE",
          "filter | coalesce(a, false) and not coalesce(b, false) and not coalesce(c, true) and coalesce(d, true)" },
        { "SELECT * WHERE (a = b) IS NULL", "filter | (a == b) is null" },
        { "SELECT * WHERE a ~ '^\\d+$' AND b !~ 'x'", "filter | matches(a, '^\\\\d+$') and not matches(b, 'x')" },
        { "SELECT * WHERE regexp_matches(a, 'x') OR REGEXP_LIKE(b, 'y')", "filter | matches(a, 'x') or matches(b, 'y')" },
        { "SELECT a + b - c * d / e % f // g AS r", "select | a + b - c * d / e % f // g as r" },
        { "SELECT (a + b) * c AS r", "select | (a + b) * c as r" },
        { "SELECT ((a)) AS r, ((a + b)) AS s", "select | a as r, (a + b) as s" },
        { "SELECT -a AS p, - -a AS q, a - -b AS r, +a AS s", "select | -a as p, -(-a) as q, a - -b as r, a as s" },
        { "SELECT a ^ 2 AS p, -a ** 2 AS q, a ** b ** c AS r, a ^ -b AS s",
          "select | a ** 2 as p, (-a) ** 2 as q, (a ** b) ** c as r, a ** (-b) as s" },
        { "SELECT a || b || '-' || c + 1 AS r", "select | concat(a, b, '-', c + 1) as r" },
        { "SELECT * WHERE a || b = 'xy' AND a + b || c LIKE 'q'", "filter | concat(a, b) == 'xy' and concat(a + b, c) like 'q'" });
}

TEST(constants_are_those_of_chains)
{
    CHECK_PAIRS(
        { "SELECT TRUE AS a, False AS b, NULL AS c", "select | true as a, false as b, null as c" },
        { "SELECT 1 AS a, 2.5 AS b, .5 AS c, 5. AS d, 1e3 AS e, 2.5E-3 AS f", "select | 1 as a, 2.5 as b, 0.5 as c, 5.0 as d, 1e3 as e, 2.5E-3 as f" },
        { "SELECT 'it''s' AS a, 'c:\\x' AS b, '' AS c, '\"' AS d", "select | 'it\\'s' as a, 'c:\\\\x' as b, '' as c, '\"' as d" },
        { "SELECT 'a\nb\tc\x01' AS a", "select | 'a\\x0ab\\x09c\\x01' as a" },
        { "SELECT * WHERE t > TIMESTAMP '2024-05-01' AND t < DATE '2024-06-01'", "filter | t > '2024-05-01' and t < '2024-06-01'" },
        { "SELECT * WHERE t > TIMESTAMP '2024-05-01' + INTERVAL '1 day'", "filter | t > time('2024-05-01') + 86400" },
        { "SELECT t + INTERVAL '5 minutes' AS a, t - INTERVAL 2 HOUR AS b, INTERVAL '90' SECOND AS c, interval '15 s' AS d",
          "select | t + 300 as a, t - 7200 as b, 90 as c, 15 as d" },
        { "SELECT INTERVAL '1 hour 30 minutes' AS a, INTERVAL '250 ms' AS b, INTERVAL '1us' AS c", "select | 5400 as a, 250000e-6 as b, 1e-6 as c" },
        { "SELECT timestamp, date, interval FROM t", "select | timestamp, date, interval" });
}

TEST(calls_and_casts_are_those_of_chains)
{
    CHECK_PAIRS(
        { "SELECT CAST(a AS DOUBLE) AS p, CAST(b AS BIGINT) AS q, CAST(c AS VARCHAR) AS r, CAST(d AS TIMESTAMP) AS s",
          "select | number(a) as p, int(b) as q, text(c) as r, time(d) as s" },
        { "SELECT TRY_CAST(a + 1 AS DOUBLE PRECISION) AS p, a::int::text AS q, -a::real AS r, (a + b)::float8 AS s",
          "select | number(a + 1) as p, text(int(a)) as q, -number(a) as r, number((a + b)) as s" },
        { "SELECT COALESCE(a, 0) AS p, NULLIF(a, '') AS q, ABS(a) AS r, Upper(b) AS s", "select | coalesce(a, 0) as p, nullif(a, '') as q, abs(a) as r, upper(b) as s" },
        { "SELECT IFNULL(a, 0) AS p, IIF(a > 1, b, c) AS q, if(a, b, c) AS r, now() AS s", "select | coalesce(a, 0) as p, if(a > 1, b, c) as q, if(a, b, c) as r, now() as s" },
        { "SELECT EXTRACT(HOUR FROM t) AS p, date_part('Day', t) AS q", "select | extract('hour', t) as p, extract('Day', t) as q" },
        { "SELECT date_trunc('hour', t) AS p, DATE_TRUNC('SECOND', t) AS q, time_bucket(INTERVAL '15 minutes', t) AS r",
          "select | time_trunc(t, '1h') as p, time_trunc(t, '1s') as q, time_trunc(t, '15m') as r" },
        { "SELECT CASE WHEN a > 1 THEN 'x' WHEN a > 0 THEN 'y' ELSE 'z' END AS r", "select | if(a > 1, 'x', if(a > 0, 'y', 'z')) as r" },
        { "SELECT CASE WHEN a THEN 1 END AS r", "select | if(a, 1, null) as r" },
        { "SELECT CASE a + 1 WHEN 1 THEN 'x' WHEN b + 2 THEN 'y' END AS r", "select | if(a + 1 == 1, 'x', if(a + 1 == b + 2, 'y', null)) as r" },
        { "SELECT CASE a > 1 WHEN TRUE THEN 'x' ELSE CASE WHEN b THEN c END END AS r", "select | if((a > 1) == true, 'x', if(b, c, null)) as r" });
}

TEST(aggregates_become_agg)
{
    CHECK_PAIRS(
        { "SELECT count(*) FROM t", "agg | count() as `count(*)`" },
        { "SELECT COUNT(*) AS n, count(a) AS m FROM t WHERE a > 1", "filter | a > 1 | then | agg | count() as n, count(a) as m" },
        { "SELECT host, count(*) AS n FROM t GROUP BY host", "agg | count() as n | -g | host" },
        { "SELECT host, avg(x) AS m, p99(x) AS p, approx_median(y) AS q FROM t GROUP BY host",
          "agg | mean(x) as m, p99(x) as p, approx_quantile(y, 0.5) as q | -g | host" },
        { "SELECT approx_count_distinct(a || b) AS n, max_by(a, b) AS m, any_value(c) AS v, approx_percentile(x, 0.9) AS p",
          "agg | approx_count_distinct(concat(a, b)) as n, arg_max(a, b) as m, first(c) as v, approx_quantile(x, 0.9) as p" },
        { "SELECT sum(CASE WHEN a THEN b END) AS s", "agg | sum(if(a, b, null)) as s" },
        { "SELECT count(*) AS n, host FROM t GROUP BY host", "agg | count() as n | -g | host | then | select | n, host" },
        { "SELECT count(*) AS n FROM t GROUP BY host", "agg | count() as n | -g | host | then | select | n" },
        { "SELECT host AS h, count(*) AS n FROM t GROUP BY host", "agg | count() as n | -g | host as h" },
        { "SELECT t.host, count(*) AS n FROM t GROUP BY t.host", "agg | count() as n | -g | host" },
        { "SELECT sum(a) / count(*) * 100 AS pct FROM t", "agg | sum(a) as __1, count() as __2 | then | select | __1 / __2 * 100 as pct" },
        { "SELECT sum(a) AS s, sum(a) / count(*) AS m FROM t", "agg | sum(a) as s, count() as __2 | then | select | s, s / __2 as m" },
        { "SELECT sum(a) + 1 AS p, SUM( a ) AS s FROM t", "agg | sum(a) as __1 | then | select | __1 + 1 as p, __1 as s" },
        { "SELECT sum(b) AS a FROM t GROUP BY a", "agg | sum(b) as __1 | -g | a | then | select | __1 as a" },
        { "SELECT 1 AS one, count(*) AS n FROM t", "agg | count() as n | then | select | 1 as one, n" },
        { "SELECT round(avg(x), 2) AS m FROM t", "agg | mean(x) as __1 | then | select | round(__1, 2) as m" });
}

TEST(groups_are_columns_names_positions_and_expressions)
{
    CHECK_PAIRS(
        { "SELECT a, b, count(*) AS n FROM t GROUP BY 1, 2", "agg | count() as n | -g | a, b" },
        { "SELECT upper(a) AS u, count(*) AS n FROM t GROUP BY u", "agg | count() as n | -g | upper(a) as u" },
        { "SELECT upper(a) AS u, count(*) AS n FROM t GROUP BY upper(a)", "agg | count() as n | -g | upper(a) as u" },
        { "SELECT upper(a), count(*) AS n FROM t GROUP BY 1", "agg | count() as n | -g | upper(a) as `upper(a)`" },
        { "SELECT upper(a) AS a, count(*) AS n FROM t GROUP BY a", "agg | count() as n | -g | a | then | select | upper(a) as a, n" },
        { "SELECT upper(a) || 'x' AS u, count(*) AS n FROM t GROUP BY upper(a)",
          "agg | count() as n | -g | upper(a) as __1 | then | select | concat(__1, 'x') as u, n" },
        { "SELECT (a + b) * 2 AS u, count(*) AS n FROM t GROUP BY a + b", "agg | count() as n | -g | a + b as __1 | then | select | __1 * 2 as u, n" },
        { "SELECT a AS b, b AS a, count(*) AS n FROM t GROUP BY a, b", "agg | count() as n | -g | b, a | then | select | a as b, b as a, n" },
        { "SELECT a AS h, upper(a) AS u, count(*) AS n FROM t GROUP BY a, upper(h)",
          "agg | count() as n | -g | a, upper(h) as __1 | then | select | a as h, upper(a) as u, n" },
        { "SELECT b AS y, a + b AS z, count(*) AS n FROM t GROUP BY 1, 2 HAVING a + b > 1 ORDER BY a + b DESC",
          "agg | count() as n | -g | b as y, a + b as __1 | --order | __1:desc | then | filter | __1 > 1 | then | select | y, __1 as z, n" },
        { "SELECT a AS h, count(*) AS n FROM t GROUP BY a HAVING a > 1", "agg | count() as n | -g | a | then | filter | a > 1 | then | select | a as h, n" },
        { "SELECT a FROM t GROUP BY a", "agg | -g | a | then | select | a" },
        { "SELECT a, count(*) AS n FROM t GROUP BY a, A, a", "agg | count() as n | -g | a" },
        { "SELECT DISTINCT a, upper(b) AS u FROM t", "agg | -g | a, upper(b) as u | then | select | a, u" },
        { "SELECT DISTINCT a FROM t WHERE b ORDER BY a DESC LIMIT 3",
          "filter | b | then | agg | -g | a | --order | a:desc | --limit | 3 | then | select | a" },
        { "SELECT date_trunc('hour', ts) AS hour, count(*) AS n FROM t GROUP BY date_trunc('hour', ts)",
          "agg | count() as n | -g | time_trunc(ts, '1h') as hour" });
}

TEST(having_order_and_limit_follow_the_groups)
{
    CHECK_PAIRS(
        { "SELECT a, count(*) AS n FROM t GROUP BY a ORDER BY n DESC LIMIT 3", "agg | count() as n | -g | a | --order | n:desc | --limit | 3" },
        { "SELECT a, count(*) FROM t GROUP BY a ORDER BY 2 DESC, a ASC", "agg | count() as `count(*)` | -g | a | --order | `count(*)`:desc,a" },
        { "SELECT a, count(*) AS N FROM t GROUP BY a ORDER BY n", "agg | count() as N | -g | a | --order | N" },
        { "SELECT a FROM t GROUP BY a ORDER BY sum(b) DESC", "agg | sum(b) as __1 | -g | a | --order | __1:desc | then | select | a" },
        { "SELECT a, count(*) AS n FROM t GROUP BY a HAVING count(*) > 5", "agg | count() as n | -g | a | then | filter | n > 5" },
        { "SELECT a, count(*) AS n FROM t GROUP BY a HAVING n > 5 AND a <> 'x' LIMIT 3",
          "agg | count() as n | -g | a | then | filter | n > 5 and a != 'x' | then | head | -n | 3" },
        { "SELECT a, sum(b) + 1 AS s FROM t GROUP BY a HAVING s * 2 > max(c) ORDER BY a",
          "agg | sum(b) as __1, max(c) as __2 | -g | a | --order | a | then | filter | (__1 + 1) * 2 > __2 | then | select | a, __1 + 1 as s" },
        { "SELECT host AS h, count(*) AS n FROM t GROUP BY host HAVING n > 5 ORDER BY n DESC, h LIMIT 3",
          "agg | count() as n | -g | host as h | --order | n:desc,h | then | filter | n > 5 | then | head | -n | 3" });
}

TEST(windows_are_options_of_agg)
{
    CHECK_PAIRS(
        { "SELECT count(*) AS n FROM t WINDOW TUMBLING 10s", "agg | count() as n | --window | tumbling:10s | then | select | n" },
        { "SELECT window_start, window_end, p99(x) AS p FROM t WINDOW HOPPING 60s 1s ON ts LATENESS 500ms",
          "agg | p99(x) as p | --window | hopping:60s,1s | --time | ts | --lateness | 500ms | then | select | window_start, window_end, p" },
        { "SELECT u, count(*) AS n FROM t GROUP BY u WINDOW SESSION 30 minutes ON \"at time\"",
          "agg | count() as n | -g | u | --window | session:30m | --time | `at time` | then | select | u, n" },
        { "SELECT avg(x) AS m FROM t WINDOW COUNT 1000", "agg | mean(x) as m | --window | count:1000 | then | select | m" },
        { "SELECT count(*) AS n FROM t WINDOW TUMBLING 10s ON ts LATENESS 5s LATE TO 'late.csv' IDLE 1 minute",
          "agg | count() as n | --window | tumbling:10s | --time | ts | --lateness | 5s | --late-to | late.csv | --idle | 1m | then | select | n" },
        { "SELECT count(*) AS n FROM t WINDOW HOPPING INTERVAL '1 hour 30 m', 90 SECONDS LATENESS INTERVAL '1 m'",
          "agg | count() as n | --window | hopping:90m,90s | --lateness | 1m | then | select | n" },
        { "SELECT window_start, host, count(*) AS n FROM t GROUP BY window_start, host WINDOW TUMBLING 1h HAVING n > 1 "
          "ORDER BY window_start, n DESC LIMIT 9",
          "agg | count() as n | -g | host | --window | tumbling:1h | --order | n:desc | then | filter | n > 1 | then | select | "
          "window_start, host, n | then | head | -n | 9" },
        { "SELECT window_start AS w, count(*) AS n FROM t WINDOW TUMBLING 1d ORDER BY w", "agg | count() as n | --window | tumbling:1d | then | select | window_start as w, n" });
}

TEST(what_is_not_supported_is_pointed_at_with_the_nearest_form)
{
    static const struct { const char *sql, *part, *words; } bad[] = {
        { "SELECT a FROM t JOIN u ON a = b", "JOIN", "join first" },
        { "SELECT a FROM t LEFT OUTER JOIN u USING (a)", "JOIN", "join first" },
        { "SELECT a FROM t, u", ",", "join first" },
        { "SELECT a FROM (SELECT b FROM t)", "SELECT", "subquery" },
        { "SELECT a FROM t WHERE a IN (SELECT b FROM u)", "SELECT", "subquery" },
        { "SELECT a FROM t UNION ALL SELECT b FROM u", "UNION", "UNION is not supported" },
        { "SELECT a FROM t EXCEPT SELECT b FROM u", "EXCEPT", "EXCEPT is not supported" },
        { "WITH x AS (SELECT 1) SELECT a FROM x", "WITH", "one SELECT" },
        { "INSERT INTO t VALUES (1)", "INSERT", "one SELECT" },
        { "EXPLAIN SELECT a", "EXPLAIN", "SELECT columns" },
        { "SELECT a; SELECT b", "SELECT", "one SELECT" },
        { "SELECT DISTINCT ON (a) a, b FROM t", "DISTINCT", "first(x)" },
        { "SELECT DISTINCT * FROM t", "DISTINCT", "by name" },
        { "SELECT DISTINCT a, count(*) FROM t GROUP BY a", "DISTINCT", "no DISTINCT" },
        { "SELECT sum(x) OVER (PARTITION BY a) FROM t", "OVER", "WINDOW TUMBLING" },
        { "SELECT row_number() OVER () FROM t", "row_number", "WINDOW TUMBLING" },
        { "SELECT a FROM t LIMIT 5 OFFSET 3", "OFFSET", "tail" },
        { "SELECT a FROM t LIMIT 3, 5", ",", "OFFSET" },
        { "SELECT a FROM t FETCH FIRST 3 ROWS ONLY", "FETCH", "LIMIT n" },
        { "SELECT a FROM t LIMIT 2.5", "2.5", "whole number" },
        { "SELECT a FROM t LIMIT x", "x", "whole number" },
        { "SELECT count(*) FROM t HAVING count(*) > 1", "HAVING", "WHERE" },
        { "SELECT a, count(*) FROM t GROUP BY a ORDER BY a NULLS LAST", "NULLS", "IS NOT NULL" },
        { "SELECT a, sum(b) / count(*) AS m FROM t GROUP BY a WINDOW TUMBLING 1s ORDER BY window_start, m", "m", "computed" },
        { "SELECT a, count(*) AS n FROM t GROUP BY a WINDOW TUMBLING 1s ORDER BY n", "n", "window_start, n" },
        { "SELECT window_start, count(*) AS n FROM t WINDOW TUMBLING 1s ORDER BY window_start DESC", "window_start", "every window" },
        { "SELECT count(*) AS n FROM t WINDOW TUMBLING 1s LATE+", "+", "expected" },
        { "SELECT a, sum(b) FROM t", "a", "first(a)" },
        { "SELECT upper(a), sum(b) FROM t GROUP BY lower(a)", "a", "first(a)" },
        { "SELECT a, sum(b) FROM t GROUP BY a HAVING c > 1", "c", "first(c)" },
        { "SELECT a FROM t WHERE sum(b) > 1", "sum", "HAVING" },
        { "SELECT sum(avg(a)) FROM t", "avg", "another aggregate" },
        { "SELECT sum(a) AS s FROM t GROUP BY 1", "sum", "GROUP BY" },
        { "SELECT count(DISTINCT a) FROM t", "DISTINCT", "approx_count_distinct" },
        { "SELECT median(a) FROM t", "median", "approx_quantile(x, 0.5)" },
        { "SELECT quantile_cont(a, 0.5) FROM t", "quantile_cont", "approx_quantile" },
        { "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t", "percentile_cont", "approx_quantile" },
        { "SELECT string_agg(a, ',') FROM t", "string_agg", "approx_top_k" },
        { "SELECT count(*) FILTER (WHERE a > 1) FROM t", "FILTER", "CASE WHEN" },
        { "SELECT first(a ORDER BY b) FROM t", "ORDER", "arg_min" },
        { "SELECT sum(*) FROM t", "sum", "count(*)" },
        { "SELECT *, a FROM t", "*", "by name" },
        { "SELECT a, * FROM t", "*", "by name" },
        { "SELECT t.* FROM t", "*", "by name" },
        { "SELECT *, count(*) FROM t", "*", "by name" },
        { "SELECT a FROM t GROUP BY ROLLUP(a)", "ROLLUP", "each set" },
        { "SELECT a FROM t GROUP BY ALL", "ALL", "position" },
        { "SELECT a FROM t GROUP BY 2", "2", "position" },
        { "SELECT CAST(a AS DECIMAL(10, 2)) FROM t", "DECIMAL", "DOUBLE" },
        { "SELECT a::varchar(10) FROM t", "varchar", "no length" },
        { "SELECT date_trunc('month', a) FROM t", "'month'", "'day'" },
        { "SELECT time_bucket(INTERVAL '7 minutes', a) FROM t", "INTERVAL", "a day" },
        { "SELECT a + INTERVAL '1 month' FROM t", "'1 month'", "30 days" },
        { "SELECT substring(a FROM 1 FOR 2) FROM t", "FROM", "commas" },
        { "SELECT a FROM read_csv('x')", "read_csv", "FROM 'file'" },
        { "SELECT a WHERE a = b = c", "=", "brackets" },
        { "SELECT a WHERE a = NOT b", "NOT", "(NOT x)" },
        { "SELECT a WHERE (a, b) = (1, 2)", ",", "AND" },
        { "SELECT a WHERE a IS DISTINCT FROM b", "DISTINCT", "IS NULL" },
        { "SELECT a WHERE a SIMILAR TO 'x'", "SIMILAR", "~" },
        { "SELECT a WHERE a LIKE 'x!%' ESCAPE '!'", "ESCAPE", "~" },
        { "SELECT a WHERE a IN b", "b", "(1, 2, 3)" },
        { "SELECT a AT TIME ZONE 'x'", "AT", "UTC" },
        { "SELECT a AS b, c AS b", "c", "AS name" },
        { "SELECT `a` FROM t", "`", "double quotes" },
        { "SELECT a[1] FROM t", "[", "no sign" },
        { "SELECT \"a`b\" FROM t", "\"a`b\"", "AS name" },
        { "SELECT __1 FROM t", "__1", "lowering's own" },
        { "SELECT current_timestamp", "current_timestamp", "clock" },
        { "SELECT a FROM t WINDOW TUMBLING 1s", "a", "first(a)" },
        { "SELECT window_start FROM t WINDOW TUMBLING 1s", "WINDOW", "count(*)" },
        { "SELECT count(*) FROM t WINDOW w AS (PARTITION BY a)", "w", "TUMBLING" },
        { "SELECT count(*) FROM t WINDOW TUMBLING 10", "10", "period" },
        { "SELECT count(*) FROM t WINDOW COUNT 10s", "s", "not expected" },
        { "SELECT count(*) FROM t WINDOW COUNT 1.5", "1.5", "COUNT 1000" },
        { "SELECT count(*) FROM t WINDOW TUMBLING 1.5s", "1.5", "period" },
        { "SELECT count(*) FROM t LIMIT", "", "ends too early" },
        { "SELECT a FROM t LIMIT 1 WHERE a", "WHERE", "order" },
        { "SELECT a FROM t FROM u", "FROM", "twice" },
        { "SELECT FROM t", "FROM", "missing" },
        { "SELECT a b c", "c", "not expected" },
        { "SELECT a FROM t.", "", "ends too early" },
        { "SELECT a FROM t.(b)", "(", "not expected" },
        { "SELECT a FROM ''", "''", "no name" },
        { "SELECT a FROM", "", "ends too early" },
        { "SELECT a,", "", "ends too early" },
        { "SELECT", "", "ends too early" },
        { "", "", "SELECT" },
        { "SELECT (a FROM t", "(", "never closed" },
        { "SELECT a) FROM t", ")", "never opened" },
        { "SELECT 'a FROM t", "'", "never closed" },
        { "SELECT a /* b", "/*", "never closed" },
        { "SELECT 1x", "x", "not expected" },
        { "SELECT CASE a END", "END", "WHEN" },
        { "SELECT CASE WHEN a THEN b", "", "END" } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (lower(bad[i].sql) != -1) fail_msg("taken: %s\n  %s", bad[i].sql, shown);
        CHECK_EQ(chain.count, 0);
        CHECK(chain.file == NULL);
        if (why.length != strlen(bad[i].part) || strncmp(bad[i].sql + why.at, bad[i].part, why.length) != 0 || strstr(why.reason, bad[i].words) == NULL)
            fail_msg("%s\n  at '%.*s' (wanted '%s'): %s (wanted '%s')", bad[i].sql, (int)why.length, bad[i].sql + why.at,
                     bad[i].part, why.reason, bad[i].words);
    }
}

TEST(limits_are_kept_and_said)
{
    static char sql[WEIR_SQL_BYTES_MAX + 64];
    for (unsigned depth = 1; depth < 200; depth++) {    /* SELECT ((( a ))) + 1 */
        strcpy(sql, "SELECT 1 + ");
        memset(sql + 11, '(', depth);
        strcpy(sql + 11 + depth, "a + b");
        memset(sql + 16 + depth, ')', depth);
        strcpy(sql + 16 + 2 * depth, " AS x");
        int const result = lower(sql);
        CHECK_EQ(result, depth + 3 <= WEIR_SQL_DEPTH_MAX ? 0 : -1);    /* + 1: of the sum, of 1 + ..., of + b */
        if (result != 0) CHECK(strstr(why.reason, "nested too deep") != NULL);
    }
    memset(sql, ' ', sizeof sql);
    memcpy(sql, "SELECT a", 8);
    CHECK_EQ(sql_lower(sql, WEIR_SQL_BYTES_MAX, &chain, &why), 0);
    CHECK_EQ(sql_lower(sql, WEIR_SQL_BYTES_MAX + 1, &chain, &why), -1);
    CHECK(strstr(why.reason, "4096") != NULL);

    for (unsigned items = 60; items < 70; items++) {
        strcpy(sql, "SELECT c0");
        for (unsigned i = 1; i < items; i++) sprintf(sql + strlen(sql), ",c%u", i);
        CHECK_EQ(lower(sql), items <= WEIR_SQL_ITEMS_MAX ? 0 : -1);
        strcpy(sql, "SELECT sum(c0)");
        for (unsigned i = 1; i < items; i++) sprintf(sql + strlen(sql), "+sum(c%u)", i);
        CHECK_EQ(lower(sql), items <= WEIR_SQL_COLUMNS_MAX ? 0 : -1);
    }
    /* Each level of CASE x repeats x: the text grows without end, the chain does not. */
    strcpy(sql, "SELECT ");
    for (int i = 0; i < 15; i++) strcat(sql, "CASE ");
    strcat(sql, "a");
    for (int i = 0; i < 15; i++) strcat(sql, " WHEN 1 THEN 2 WHEN 3 THEN 4 END");
    strcat(sql, " AS x");
    CHECK_EQ(lower(sql), -1);
    CHECK(strstr(why.reason, "8 KiB") != NULL);
    strcpy(sql, "SELECT '");
    memset(sql + 8, '\\', 4000);
    strcpy(sql + 4008, "' AS x");
    CHECK_EQ(lower(sql), -1);
}

TEST(messages_quote_long_and_odd_text_in_short)
{
    CHECK_EQ(lower("SELECT a FROM t LIMIT 'tttttttttttttttttttttttttttttttttttttt\xc3\xa9rrr'"), -1);
    assert_string_equal(why.reason, "LIMIT 'tttttttttttttttttttttttttttttttttttttt is not supported; nearest form: LIMIT and a whole number");
    CHECK_EQ(lower("SELECT a FROM t LIMIT 'x\ny'"), -1);
    CHECK(strstr(why.reason, "'x y'") != NULL);
    CHECK_EQ(sql_lower("SELECT a\0b", 10, &chain, &why), -1);
    CHECK_EQ(why.at, 8);
}

/* Every beginning of a SELECT is taken or refused in place, whatever it lacks. */
TEST(beginnings_of_a_select_are_taken_or_refused_in_place)
{
    static const char sql[] = "SELECT DISTINCT upper(a) || 'x' AS \"u\", CASE b WHEN 1 THEN -2 END, sum(c)::int, extract(hour FROM t) "
        "FROM 'f.csv' AS t WHERE a ~ 'x' AND b NOT IN (1, 2.5e3) /* c */ GROUP BY 1, t.a WINDOW HOPPING 60s, INTERVAL '1 s' "
        "ON t LATENESS 5 seconds HAVING sum(c) > 1 ORDER BY window_end, 2 DESC LIMIT 5;";
    for (size_t n = 0; n < sizeof sql; n++) {
        char *exact = malloc(n + (n == 0));
        if (exact == NULL) abort();
        memcpy(exact, sql, n);
        if (sql_lower(exact, n, &chain, &why) != 0) {
            CHECK(why.at + why.length <= n);
            CHECK(strlen(why.reason) > 5);
        }
        free(exact);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(rows_are_filtered_then_selected_then_cut), RUN(the_file_is_what_from_names),
                     RUN(names_of_the_input_fall_away_and_paths_stay), RUN(operators_keep_their_meaning),
                     RUN(constants_are_those_of_chains), RUN(calls_and_casts_are_those_of_chains),
                     RUN(aggregates_become_agg), RUN(groups_are_columns_names_positions_and_expressions),
                     RUN(having_order_and_limit_follow_the_groups), RUN(windows_are_options_of_agg),
                     RUN(what_is_not_supported_is_pointed_at_with_the_nearest_form), RUN(limits_are_kept_and_said),
                     RUN(messages_quote_long_and_odd_text_in_short), RUN(beginnings_of_a_select_are_taken_or_refused_in_place));
}
