/* sql.c - one SELECT as the words of a chain. Contract: sql.h.
 *
 *   survey()    brackets balance, where each clause begins, is anything aggregated?      one pass of tokens
 *   lower_*()   clause by clause in the order of the chain; every expression goes through expression(), which
 *               climbs precedence and writes as it reads; a form that needs words in front of what is written
 *               already (a || b -> concat(a, b)) pushes them in
 *   assemble()  pieces -> words
 *
 *   text   | WHERE \0 items, pieces, words -> |  free  | <- groups, aggregates, names |
 *          0                              used          top                           WEIR_SQL_TEXT_BYTES
 *
 * Of a grouped SELECT the items are read twice: first for their names, which GROUP BY may use, then over what
 * agg gives: an expression that reads as a group does is replaced by the group's name, an aggregate by its own.
 *
 * A failure empties the rest of the input, so that every loop ends by itself and nobody has to ask.
 */
#include <string.h>
#include "engine/sql.h"
#include "machine/assert.h"

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_QUOTED, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_SIGN };
struct span  { uint16_t at, length; };
struct token { uint8_t kind, level /* of a sign as an operator */; uint16_t sign; struct span where; };

enum clause { FROM, WHERE, GROUP_BY, WINDOW, HAVING, ORDER_BY, LIMIT, CLAUSES };
enum scope {
    OF_ROWS,      /* columns of the input; no aggregates */
    OF_NAMES,     /* first reading of items: aggregates are let through, the text is thrown away */
    OF_GROUPS     /* what agg gives */
};
enum level {    /* how tight an operator is, of SQL */
    NO_LEVEL, LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_CONCAT, LEVEL_ADD, LEVEL_MULTIPLY, LEVEL_POWER,
    LEVEL_UNARY, LEVEL_CAST, LEVEL_PRIMARY
};

struct item   { struct span sql /* as written */, text, name; uint8_t level, aggregated; };
struct column { struct span text, name; };    /* of agg: groups first, then aggregates */

struct lowering {
    const char       *sql;
    uint32_t          length;
    struct sql_chain *out;
    char             *text;            /* of the chain */
    struct sql_error *error;
    int               failed;
    uint32_t          behind;          /* end of the token before */
    struct token      token;
    uint32_t          used, top;
    struct span       alias;           /* FROM ... alias, in the SQL */
    struct span       bare;            /* a column of the input where only groups are, in the SQL */
    unsigned          item_count, column_count, group_count, depth, hidden;
    uint8_t           scope, grouped, distinct, star;
    uint8_t           aliases;         /* of items are names, too */
    uint8_t           aggregated;      /* the last item */
    uint16_t          clauses[CLAUSES], keywords[CLAUSES];    /* where they begin, behind the keyword and with it */
    const char       *where, *having, *window, *time, *lateness, *late_to, *idle, *sort, *limit;    /* words; NULL: absent */
    unsigned          key_count;
    struct { uint8_t column, descends; } keys[WEIR_SQL_ORDER_MAX];
    struct item       items[WEIR_SQL_ITEMS_MAX];
    struct column     columns[WEIR_SQL_COLUMNS_MAX];
};

/* ---- words, and what is said about them -------------------------------------------------------- */

/* What fail() writes for one byte. */
#define INSTEAD "\1"    /* " is not supported; nearest form: " */
#define NEAREST "\2"    /* "; nearest form: " */

struct refusal { const char *words, *reason; };

/* Words that end an expression, and so are no columns unless quoted. */
static const char words_reserved[] =
    "select from where group window having order limit by as and or in between like ilike is then when else end on "
    "desc asc union intersect except join not";
/* Words that can be columns, but not behind an expression. */
static const struct refusal words_refused[] = {
    { "join inner left right full cross natural lateral", "%" INSTEAD "join first, and pipe the rows into weir" },
    { "union intersect except", "%" INSTEAD "one SELECT for each input, or cat of them" },
    { "over", "% (window functions)" INSTEAD "GROUP BY with WINDOW TUMBLING 10s" },
    { "offset", "%" INSTEAD "LIMIT of both, then tail -n +N" },
    { "fetch top", "%" INSTEAD "LIMIT n" },
    { "qualify", "%" INSTEAD "HAVING, behind GROUP BY" },
    { "filter", "% (WHERE ...)" INSTEAD "sum(CASE WHEN condition THEN x END)" },
    { "within", "% GROUP" INSTEAD "approx_quantile(x, 0.5)" },
    { "nulls ignore respect", "%" INSTEAD "WHERE x IS NOT NULL" },
    { "collate", "%" INSTEAD "lower(x) (texts compare by bytes)" },
    { "escape similar rlike regexp glob", "%" INSTEAD "x ~ 'regular expression'" },
    { "at", "% TIME ZONE" INSTEAD "t + INTERVAL '2 hours' (times are UTC)" },
    { "tablesample", "%" INSTEAD "WHERE with a condition" },
    { "exclude replace", "%" INSTEAD "the columns by name" },
    { "with insert update delete create copy", "%" INSTEAD "one SELECT" },
    { NULL, NULL },
};
static const struct refusal calls_refused[] = {
    { "median quantile quantile_cont quantile_disc percentile_cont percentile_disc",
      "%" INSTEAD "approx_quantile(x, 0.5)" },
    { "string_agg array_agg group_concat listagg list mode", "%" INSTEAD "approx_top_k(x, 10)" },
    { "row_number rank dense_rank lag lead ntile", "% (window functions)" INSTEAD "GROUP BY with WINDOW TUMBLING 10s" },
    { "rollup cube grouping", "%" INSTEAD "GROUP BY a, b, one SELECT for each set" },
    { "unnest", "%" INSTEAD "a column by its path, a.b" },
    { "bool_and bool_or every", "%" INSTEAD "min or max of CASE WHEN x THEN 1 ELSE 0 END" },
    { "count_if countif", "%" INSTEAD "count(CASE WHEN x THEN 1 END)" },
    { "any all some exists", "% (subquery)" INSTEAD "x IN (1, 2, 3)" },
    { NULL, NULL },
};
/* name=what it is called in chains */
static const char aggregates[] =
    "count sum min max mean avg=mean variance var_samp var_pop stddev stddev_samp stddev_pop skewness kurtosis first "
    "any_value=first last arg_min arg_max min_by=arg_min max_by=arg_max argmin=arg_min argmax=arg_max covar_samp "
    "covar_pop corr approx_count_distinct approx_quantile approx_percentile=approx_quantile "
    "approx_median=approx_quantile approx_top_k approx_frequency entropy ewma rate";
static const char functions[] =
    "regexp_matches=matches regexp_like=matches date_part=extract datepart=extract ifnull=coalesce nvl=coalesce iif=if";
static const char types[] =
    "double=number float=number float4=number float8=number real=number bigint=int integer=int int=int int2=int int4=int "
    "int8=int smallint=int tinyint=int varchar=text text=text string=text char=text timestamp=time timestamptz=time "
    "datetime=time";
static const char chain_reserved[] = "and or not in between like ilike is as true false null then";

static const struct { const char *words; char letter[3]; uint64_t us; } units[] = {
    { "us microsecond microseconds", "us", 1 },
    { "ms millisecond milliseconds", "ms", 1000 },
    { "s sec secs second seconds",   "s",  1000000 },
    { "m min mins minute minutes",   "m",  60000000 },
    { "h hr hrs hour hours",         "h",  UINT64_C(3600000000) },
    { "d day days",                  "d",  UINT64_C(86400000000) },
};
enum { UNITS = sizeof units / sizeof units[0], NO_UNIT = UNITS, DAY = UNITS - 1 };

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_letter(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || (unsigned char)c >= 0x80;
}
static int is_part(char c) { return is_letter(c) || is_digit(c) || c == '.'; }    /* of a name */
static int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

/* Is the word, in any case, one of the list? What stands behind it there ("=name", " next" or ""), or NULL. */
static const char *listed(const char *list, const char *word, size_t length)
{
    for (const char *at = list; *at != '\0';) {
        size_t i = 0;
        while (i < length && at[i] == lower(word[i])) i++;
        if (i == length && (at[i] == '\0' || at[i] == ' ' || at[i] == '=')) return at + i;
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    return NULL;
}

/* Are they the same in any case? */
static int alike(const char *a, size_t a_length, const char *b, size_t b_length)
{
    if (a_length != b_length) return 0;
    for (size_t i = 0; i < a_length; i++)
        if (lower(a[i]) != lower(b[i])) return 0;
    return 1;
}

/* ---- failing ----------------------------------------------------------------------------------- */

/* The first reason counts; % stands for the place's own text. */
static void fail(struct lowering *l, struct span where, const char *reason)
{
    enum { QUOTE_MAX = 40 };
    l->token = (struct token){ .kind = TOKEN_END, .where = { (uint16_t)l->length, 0 } };
    if (l->failed) return;
    l->failed = 1;
    l->error->at = where.at;
    l->error->length = where.length;
    static const char instead[] = " is not supported; nearest form: ";
    size_t n = 0;
    for (; *reason != '\0'; reason++) {
        const char *text = reason;
        size_t length = 1;
        if (*reason == *INSTEAD || *reason == *NEAREST) {
            text = *reason == *INSTEAD ? instead : strchr(instead, ';');
            length = strlen(text);
        } else if (*reason == '%') {
            text = l->sql + where.at;
            length = where.length;
            if (length > QUOTE_MAX)
                for (length = QUOTE_MAX; length > 0 && (text[length] & 0xc0) == 0x80;) length--;
        }
        for (size_t i = 0; i < length && n < sizeof l->error->reason - 1; i++)
            l->error->reason[n++] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
    }
    l->error->reason[n] = '\0';
}

static void refuse(struct lowering *l, const char *reason) { fail(l, l->token.where, reason); }

static const char *refusal_find(const struct refusal *r, const char *word, size_t length)
{
    while (r->words != NULL && listed(r->words, word, length) == NULL) r++;
    return r->reason;
}

/* The token stands where nothing can stand. */
static void unexpected(struct lowering *l)
{
    struct token const t = l->token;
    if (t.kind == TOKEN_END) {
        fail(l, t.where, "the SELECT ends too early");
        return;
    }
    const char *reason = NULL;
    if (t.kind == TOKEN_NAME) reason = refusal_find(words_refused, l->sql + t.where.at, t.where.length);
    fail(l, t.where, reason != NULL ? reason : "% is not expected here");
}

/* ---- tokens ------------------------------------------------------------------------------------ */

#define SIGN(a, b) ((uint16_t)((a) | (b) << 8))

static const struct { uint16_t sign; uint8_t level; char text[3]; } signs[] = {    /* text: "" is written otherwise */
    { SIGN('=', '='), LEVEL_COMPARE, "==" },  { SIGN('<', '>'), LEVEL_COMPARE, "!=" },
    { SIGN('!', '='), LEVEL_COMPARE, "!=" },  { SIGN('<', '='), LEVEL_COMPARE, "<=" },
    { SIGN('>', '='), LEVEL_COMPARE, ">=" },  { SIGN('!', '~'), LEVEL_COMPARE, "" },
    { SIGN('|', '|'), LEVEL_CONCAT, "" },     { SIGN(':', ':'), LEVEL_CAST, "" },
    { SIGN('*', '*'), LEVEL_POWER, "" },      { SIGN('/', '/'), LEVEL_MULTIPLY, "//" },
    { '=', LEVEL_COMPARE, "==" },  { '<', LEVEL_COMPARE, "<" },   { '>', LEVEL_COMPARE, ">" },
    { '~', LEVEL_COMPARE, "" },    { '+', LEVEL_ADD, "+" },       { '-', LEVEL_ADD, "-" },
    { '*', LEVEL_MULTIPLY, "*" },  { '/', LEVEL_MULTIPLY, "/" },  { '%', LEVEL_MULTIPLY, "%" },
    { '^', LEVEL_POWER, "" },      { '(', NO_LEVEL, "" },         { ')', NO_LEVEL, "" },
    { ',', NO_LEVEL, "" },         { '.', NO_LEVEL, "" },         { ';', NO_LEVEL, "" },
};
enum { SIGNS = sizeof signs / sizeof signs[0] };

static char byte_at(const struct lowering *l, uint32_t at) { return at < l->length ? l->sql[at] : '\0'; }

/* The first byte of the next token. */
static uint32_t skip_blanks(struct lowering *l, uint32_t at)
{
    for (;;) {
        if (is_blank(byte_at(l, at))) {
            at++;
        } else if (byte_at(l, at) == '-' && byte_at(l, at + 1) == '-') {
            while (at < l->length && l->sql[at] != '\n') at++;
        } else if (byte_at(l, at) == '/' && byte_at(l, at + 1) == '*') {
            uint32_t end = at + 2;
            while (end < l->length && (l->sql[end] != '*' || byte_at(l, end + 1) != '/')) end++;
            if (end >= l->length) {
                fail(l, (struct span){ (uint16_t)at, 2 }, "this comment is never closed");
                return l->length;
            }
            at = end + 2;
        } else {
            return at;
        }
    }
}

static uint32_t skip_digits(const struct lowering *l, uint32_t at)
{
    while (is_digit(byte_at(l, at))) at++;
    return at;
}

static void next_from(struct lowering *l, uint32_t from)
{
    uint32_t const at = skip_blanks(l, from);
    uint32_t end = at + 1;
    char const c = byte_at(l, at);
    struct token t = { .kind = TOKEN_SIGN };
    if (l->failed || at >= l->length) {
        t.kind = TOKEN_END;
        end = at;
    } else if (is_letter(c)) {
        while (is_letter(byte_at(l, end)) || is_digit(byte_at(l, end)) || byte_at(l, end) == '$') end++;
        t.kind = TOKEN_NAME;
    } else if (is_digit(c) || (c == '.' && is_digit(byte_at(l, at + 1)))) {
        end = skip_digits(l, at);
        if (byte_at(l, end) == '.') end = skip_digits(l, end + 1);
        if (lower(byte_at(l, end)) == 'e') {
            uint32_t const digits = end + (byte_at(l, end + 1) == '-' || byte_at(l, end + 1) == '+' ? 2 : 1);
            if (is_digit(byte_at(l, digits))) end = skip_digits(l, digits);
        }
        t.kind = TOKEN_NUMBER;
    } else if (c == '\'' || c == '"') {
        while (end < l->length && (l->sql[end] != c || byte_at(l, end + 1) == c)) end += l->sql[end] == c ? 2 : 1;
        if (end >= l->length) {
            fail(l, (struct span){ (uint16_t)at, 1 }, "this quote is never closed");
            return;
        }
        end++;
        t.kind = c == '"' ? TOKEN_QUOTED : TOKEN_TEXT;
    } else {
        unsigned i = 0;
        while (i < SIGNS && signs[i].sign != (c | (byte_at(l, at + 1) & 0xff) << 8) && signs[i].sign != c) i++;
        if (i == SIGNS) {
            fail(l, (struct span){ (uint16_t)at, 1 },
                 c == '`' ? "names with odd letters stand in double quotes: \"name\"" : "% is no sign of the SQL that is understood");
            return;
        }
        t.sign = signs[i].sign;
        t.level = signs[i].level;
        if (t.sign > 0xff) end++;
    }
    t.where = (struct span){ (uint16_t)at, (uint16_t)(end - at) };
    l->token = t;
}

static void next(struct lowering *l)
{
    l->behind = (uint32_t)l->token.where.at + l->token.where.length;
    next_from(l, l->behind);
}

/* What comes behind the present token. */
static struct token peek(struct lowering *l)
{
    struct token const now = l->token;
    next_from(l, (uint32_t)now.where.at + now.where.length);
    struct token const then = l->token;
    if (!l->failed) l->token = now;
    return then;
}

static void seek(struct lowering *l, uint32_t at) { next_from(l, at); }

static int is_sign(const struct lowering *l, char sign) { return l->token.kind == TOKEN_SIGN && l->token.sign == sign; }
static int token_in(const struct lowering *l, struct token t, const char *list)
{
    return t.kind == TOKEN_NAME && listed(list, l->sql + t.where.at, t.where.length) != NULL;
}
static int is_word(const struct lowering *l, const char *list) { return token_in(l, l->token, list); }
static int accept_word(struct lowering *l, const char *word) { return is_word(l, word) ? next(l), 1 : 0; }
static int accept_sign(struct lowering *l, char sign) { return is_sign(l, sign) ? next(l), 1 : 0; }

static struct span passed(const struct lowering *l, uint32_t at)    /* from there up to here */
{
    return (struct span){ (uint16_t)at, (uint16_t)(l->behind - at) };
}

static void expect_word(struct lowering *l, const char *word, const char *reason)
{
    if (!accept_word(l, word)) refuse(l, reason);
}
static void expect_close(struct lowering *l)
{
    if (!accept_sign(l, ')')) unexpected(l);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static void put_bytes(struct lowering *l, const char *text, size_t length)
{
    if (length + 1 > l->top - l->used) {    /* one for the NUL behind a word */
        fail(l, (struct span){ 0, 0 }, "the chain would be longer than 8 KiB" NEAREST "a shorter SELECT");
        return;
    }
    memmove(l->text + l->used, text, length);
    l->used += (uint32_t)length;
}
static void put(struct lowering *l, const char *text) { put_bytes(l, text, strlen(text)); }
static void put_span(struct lowering *l, struct span s) { put_bytes(l, l->text + s.at, s.length); }

static void put_lower(struct lowering *l, struct span word)    /* of the SQL */
{
    for (unsigned i = 0; i < word.length; i++) put_bytes(l, (char[1]){ lower(l->sql[word.at + i]) }, 1);
}
/* What a list says that a word is called in chains: behind the '=', or the word itself. */
static void put_renamed(struct lowering *l, struct span word, const char *behind)
{
    if (behind != NULL && *behind == '=') put_bytes(l, behind + 1, strcspn(behind + 1, " "));
    else put_lower(l, word);
}

/* The token as a whole number, or the reason. */
static void put_whole(struct lowering *l, const char *reason)
{
    uint32_t const start = l->used;
    put_bytes(l, l->sql + l->token.where.at, l->token.where.length);
    for (uint32_t i = start; i < l->used; i++)
        if (!is_digit(l->text[i])) refuse(l, reason);
    if (l->used == start) unexpected(l);
    next(l);
}

static void put_count(struct lowering *l, uint64_t value)
{
    char digits[20];
    unsigned n = sizeof digits;
    do digits[--n] = (char)('0' + value % 10); while ((value /= 10) != 0);
    put_bytes(l, digits + n, sizeof digits - n);
}

/* Push words in front of what is written since start. */
static void push(struct lowering *l, uint32_t start, const char *words)
{
    uint32_t const end = l->used;
    size_t const length = strlen(words);
    put(l, words);
    if (l->failed) return;
    memmove(l->text + start + length, l->text + start, end - start);
    memcpy(l->text + start, words, length);
}
static void bracket(struct lowering *l, uint32_t start)
{
    push(l, start, "(");
    put(l, ")");
}

/* Move what is written since start to the top, where it stays. */
static struct span keep(struct lowering *l, uint32_t start)
{
    uint32_t const length = l->used - start;
    if (length > l->top - l->used) {
        put_bytes(l, l->text, WEIR_SQL_TEXT_BYTES);    /* says it */
        return (struct span){ 0, 0 };
    }
    l->top -= length;
    memcpy(l->text + l->top, l->text + start, length);
    l->used = start;
    return (struct span){ (uint16_t)l->top, (uint16_t)length };
}
static struct span written(const struct lowering *l, uint32_t start)
{
    return (struct span){ (uint16_t)start, (uint16_t)(l->used - start) };
}

/* End the word that began at start. */
static const char *word_end(struct lowering *l, uint32_t start)
{
    put_bytes(l, "", 1);
    return l->text + start;
}

static int same(const struct lowering *l, struct span a, struct span b)
{
    return a.length == b.length && memcmp(l->text + a.at, l->text + b.at, a.length) == 0;
}
static int same_as(const struct lowering *l, struct span a, const char *text)
{
    return a.length == strlen(text) && memcmp(l->text + a.at, text, a.length) == 0;
}

/* ---- names and texts --------------------------------------------------------------------------- */

/* Does it read as a name in chains without backticks? */
static int is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (is_letter(text[i]) && (unsigned char)text[i] < 0x80) continue;
        if (i == 0 || !is_part(text[i]) || is_letter(text[i])) return 0;
        if (text[i] == '.' && (i + 1 == length || !is_letter(text[i + 1]))) return 0;
    }
    return length != 0 && listed(chain_reserved, text, length) == NULL;
}
static int is_name(const struct lowering *l, struct span s)
{
    const char *text = l->text + s.at;
    if (s.length <= 2 || text[0] != '`') return is_plain(text, s.length);
    return memchr(text + 1, '`', s.length - 1u) == text + s.length - 1;
}

/* What is written since start becomes a name; `where` is its place. */
static void quote_name(struct lowering *l, uint32_t start, struct span where)
{
    if (l->failed || is_plain(l->text + start, l->used - start)) return;
    for (uint32_t i = start; i < l->used; i++)
        if (l->text[i] == '`' || (unsigned char)l->text[i] < ' ') {
            fail(l, where, "% cannot be a column's name" NEAREST "% AS name");
            return;
        }
    if (l->used == start) fail(l, where, "a name cannot be empty");
    push(l, start, "`");
    put(l, "`");
}

/* The inside of a quoted token, doubled quotes made single. */
static void put_inside(struct lowering *l, struct span where)
{
    char const quote = l->sql[where.at];
    for (uint32_t i = where.at + 1u; i + 1 < (uint32_t)where.at + where.length; i++) {
        put_bytes(l, l->sql + i, 1);
        if (l->sql[i] == quote) i++;
    }
}
static void put_part(struct lowering *l, struct token t)
{
    if (t.kind == TOKEN_QUOTED) put_inside(l, t.where);
    else put_bytes(l, l->sql + t.where.at, t.where.length);
}

/* Are two names of the SQL the same, in any case? */
static int same_word(const struct lowering *l, struct span a, struct span b)
{
    for (int i = 0; i < 2; i++) {
        struct span *s = i ? &b : &a;
        if (s->length < 2 || l->sql[s->at] != '"') continue;
        s->at++;
        s->length = (uint16_t)(s->length - 2);
    }
    return alike(l->sql + a.at, a.length, l->sql + b.at, b.length);
}

/* a.b."c d": a path, less the name of the input in front. Its place in the SQL. */
static struct span put_name(struct lowering *l)
{
    uint32_t const start = l->used, at = l->token.where.at;
    if (l->alias.length != 0 && same_word(l, l->token.where, l->alias) && peek(l).sign == '.') {
        next(l);
        next(l);
    }
    for (;;) {
        if (l->token.kind != TOKEN_NAME && l->token.kind != TOKEN_QUOTED) {
            if (is_sign(l, '*')) refuse(l, "x.*" INSTEAD "the columns by name, or * alone");
            else unexpected(l);
            break;
        }
        put_part(l, l->token);
        next(l);
        if (!accept_sign(l, '.')) break;
        put(l, ".");
    }
    struct span const where = { (uint16_t)at, (uint16_t)(l->behind - at) };
    quote_name(l, start, where);
    if (l->used - start > 2 && memcmp(l->text + start, "__", 2) == 0 && is_digit(l->text[start + 2]))
        fail(l, where, "% is a name of the lowering's own");
    return where;
}

/* A text of SQL as a text of chains. */
static void put_text(struct lowering *l, struct span where)
{
    static const char hex[] = "0123456789abcdef";
    put(l, "'");
    for (uint32_t i = where.at + 1u; i + 1 < (uint32_t)where.at + where.length; i++) {
        char const c = l->sql[i];
        char const escape[4] = { '\\', 'x', hex[(unsigned char)c >> 4], hex[c & 15] };
        if (c == '\'' || c == '\\') put_bytes(l, (char[2]){ '\\', c }, 2);
        else if ((unsigned char)c < ' ' || c == 0x7f) put_bytes(l, escape, 4);
        else put_bytes(l, &c, 1);
        if (c == '\'') i++;
    }
    put(l, "'");
}

/* The SQL of a place as a name: comments and blanks become one blank. */
static void put_as_written(struct lowering *l, struct span where)
{
    struct token const now = l->token;
    uint32_t const start = l->used, end = (uint32_t)where.at + where.length;
    uint32_t last = where.at;
    for (seek(l, where.at); !l->failed && l->token.kind != TOKEN_END && l->token.where.at < end; next_from(l, last)) {
        if (l->token.where.at > last) put(l, " ");
        put_bytes(l, l->sql + l->token.where.at, l->token.where.length);
        last = (uint32_t)l->token.where.at + l->token.where.length;
    }
    quote_name(l, start, where);
    if (!l->failed) l->token = now;
}

/* ---- periods ----------------------------------------------------------------------------------- */

static unsigned unit_find(const char *word, size_t length)
{
    unsigned unit = 0;
    while (unit < UNITS && listed(units[unit].words, word, length) == NULL) unit++;
    return unit;
}

/* 10s, 10 seconds, '1 hour 30 minutes', '10' SECOND. The smallest unit it names is for put_period. */
static uint64_t period(struct lowering *l, unsigned *smallest)
{
    struct span const where = l->token.where;
    const char *at = l->sql + where.at, *end = at + where.length;
    uint64_t us = 0;
    int const quoted = l->token.kind == TOKEN_TEXT;
    *smallest = DAY;
    if (quoted) at++, end--;
    if (!quoted && l->token.kind != TOKEN_NUMBER) at = end;
    else next(l);
    do {
        uint64_t count = 0;
        unsigned digits = 0;
        while (at < end && is_blank(*at)) at++;
        for (; at < end && is_digit(*at); digits++) count = count * 10 + (uint64_t)(*at++ - '0');
        while (at < end && is_blank(*at)) at++;
        if (at == end && l->token.kind == TOKEN_NAME && digits != 0) {    /* the unit is a token of its own */
            at = l->sql + l->token.where.at;
            end = at + l->token.where.length;
            next(l);
        }
        const char *word = at;
        while (at < end && is_letter(*at)) at++;
        unsigned const unit = unit_find(word, (size_t)(at - word));
        if (listed("w week weeks mon month months quarter quarters y year years", word, (size_t)(at - word)) != NULL)
            fail(l, where, "%" INSTEAD "INTERVAL '30 days'");
        if (digits == 0 || digits > 8 || unit == NO_UNIT || us > UINT64_MAX / 4)
            fail(l, where, "% is no period" NEAREST "10s, 5m, 1h, or INTERVAL '5 minutes'");
        if (l->failed) return 0;
        us += count * units[unit].us;
        if (unit < *smallest) *smallest = unit;
        while (at < end && is_blank(*at)) at++;
    } while (at < end);
    return us;
}

static void put_period(struct lowering *l, uint64_t us, unsigned unit)
{
    put_count(l, us / units[unit].us);
    put(l, units[unit].letter);
}

static void lower_period(struct lowering *l)
{
    unsigned unit;
    accept_word(l, "interval");
    uint64_t const us = period(l, &unit);
    if (!l->failed) put_period(l, us, unit);
}

/* ---- expressions ------------------------------------------------------------------------------- */

static unsigned expression(struct lowering *l, unsigned lowest);

static void hidden_name(struct lowering *l, struct column *c)
{
    uint32_t const start = l->used;
    put(l, "__");
    put_count(l, ++l->hidden);
    c->name = keep(l, start);
}

/* A column more, its text being what is written since start. */
static void column_add(struct lowering *l, uint32_t start, struct span where)
{
    if (l->column_count == WEIR_SQL_COLUMNS_MAX)
        fail(l, where, "% is more than 64 groups and aggregates" NEAREST "fewer, in two runs");
    struct span const text = keep(l, start);
    if (l->failed) return;
    struct column *c = &l->columns[l->column_count++];
    *c = (struct column){ .text = text };
    if (is_name(l, text)) c->name = text;
    else hidden_name(l, c);
}

/* Which of the columns first .. end - 1 reads so, or is called so? `end`: none. */
static unsigned column_reads(const struct lowering *l, unsigned first, unsigned end, struct span text)
{
    while (first < end && !same(l, l->columns[first].text, text)) first++;
    return first;
}
static unsigned column_called(const struct lowering *l, unsigned first, unsigned end, struct span name)
{
    while (first < end && !same(l, l->columns[first].name, name)) first++;
    return first;
}

/* What is written since start is the group or aggregate: write its name instead. */
static void refer(struct lowering *l, uint32_t start, const struct column *c)
{
    l->used = start;
    put_span(l, c->name);
}

/* An expression that reads as a group does is that group. */
static unsigned fold(struct lowering *l, uint32_t start, struct span bare, unsigned level)
{
    if (l->scope != OF_GROUPS) return level;
    unsigned const group = column_reads(l, 0, l->group_count, written(l, start));
    if (group == l->group_count) return level;
    refer(l, start, &l->columns[group]);
    l->bare = bare;
    return LEVEL_PRIMARY;
}

static struct item *item_named(struct lowering *l, struct span text, struct span where)
{
    for (unsigned i = 0; i < l->item_count; i++)
        if (same(l, l->items[i].name, text)) return &l->items[i];
    for (unsigned i = 0; i < l->item_count; i++)    /* names of SQL are of any case */
        if (alike(l->text + l->items[i].name.at, l->items[i].name.length, l->sql + where.at, where.length)) return &l->items[i];
    return NULL;
}

static int is_window_column(const struct lowering *l, struct span text)
{
    return l->clauses[WINDOW] != 0 && (same_as(l, text, "window_start") || same_as(l, text, "window_end"));
}

static unsigned column_name(struct lowering *l)
{
    uint32_t const start = l->used;
    struct span const bare = l->bare, where = put_name(l);
    if (l->failed || l->scope != OF_GROUPS) return LEVEL_PRIMARY;
    if (column_reads(l, 0, l->group_count, written(l, start)) < l->group_count    /* fold() does the rest */
        || is_window_column(l, written(l, start))) return LEVEL_PRIMARY;
    const struct item *item = l->aliases ? item_named(l, written(l, start), where) : NULL;
    if (item == NULL) {
        if (bare.length == 0) l->bare = where;
        return LEVEL_PRIMARY;
    }
    l->used = start;
    put_span(l, item->text);
    if (item->level < LEVEL_PRIMARY) bracket(l, start);
    return LEVEL_PRIMARY;
}

static void arguments(struct lowering *l)
{
    if (accept_sign(l, ')')) return;
    for (;;) {
        expression(l, LEVEL_OR);
        if (!accept_sign(l, ',')) break;
        put(l, ", ");
    }
    if (is_word(l, "from for placing"))
        refuse(l, "% within a call" INSTEAD "arguments with commas");
    if (is_word(l, "order"))
        refuse(l, "ORDER BY within an aggregate" INSTEAD "arg_min(x, t), arg_max(x, t)");
    expect_close(l);
}

/* The open bracket is passed. */
static unsigned aggregate(struct lowering *l, struct span word, const char *behind)
{
    uint32_t const start = l->used;
    enum scope const scope = l->scope;
    const char *name = l->sql + word.at;
    l->aggregated = 1;
    if (scope == OF_ROWS) fail(l, word, "aggregate % cannot stand here (in WHERE, GROUP BY or another aggregate)" NEAREST "HAVING");
    put_renamed(l, word, behind);
    put(l, "(");
    if (is_word(l, "distinct"))
        refuse(l, "% in an aggregate" INSTEAD "approx_count_distinct(x)");
    l->scope = OF_ROWS;
    if (is_sign(l, '*')) {
        if (listed("count", name, word.length) == NULL) fail(l, word, "%(*)" INSTEAD "count(*), or %(x)");
        next(l);
        expect_close(l);
    } else {
        arguments(l);
    }
    if (listed("approx_median", name, word.length) != NULL) put(l, ", 0.5");
    put(l, ")");
    l->scope = scope;
    if (l->failed || scope != OF_GROUPS) return LEVEL_PRIMARY;
    unsigned const column = column_reads(l, l->group_count, l->column_count, written(l, start));
    if (column == l->column_count) column_add(l, start, word);
    if (!l->failed) refer(l, start, &l->columns[column]);
    return LEVEL_PRIMARY;
}

/* p50, p999 */
static int is_percentile(const char *word, size_t length)
{
    if (length < 2 || length > 6 || lower(word[0]) != 'p') return 0;
    for (size_t i = 1; i < length; i++)
        if (!is_digit(word[i])) return 0;
    return 1;
}
static const char *aggregate_find(const struct lowering *l, struct span word)
{
    return is_percentile(l->sql + word.at, word.length) ? "" : listed(aggregates, l->sql + word.at, word.length);
}

/* Turn what is written since start into the type that the tokens name. */
static unsigned cast(struct lowering *l, uint32_t start)
{
    struct span const word = l->token.where;
    const char *behind = l->token.kind == TOKEN_NAME ? listed(types, l->sql + word.at, word.length) : NULL;
    if (behind == NULL) {
        fail(l, word, l->token.kind == TOKEN_END ? "a type is missing" : "type %" INSTEAD "DOUBLE, BIGINT, VARCHAR or TIMESTAMP");
        return LEVEL_PRIMARY;
    }
    next(l);
    if (is_sign(l, '(')) fail(l, word, "%(n)" INSTEAD "% alone (types have no length)");
    if (listed("double", l->sql + word.at, word.length) != NULL) accept_word(l, "precision");
    char name[8] = { 0 };
    memcpy(name, behind + 1, strcspn(behind + 1, " "));
    push(l, start, "(");
    push(l, start, name);
    put(l, ")");
    return LEVEL_PRIMARY;
}

/* date_trunc('hour', t), time_bucket(INTERVAL '5 minutes', t); the open bracket is passed. */
static unsigned truncation(struct lowering *l, int bucket)
{
    struct span const where = l->token.where;
    unsigned unit = DAY;
    uint64_t us = units[DAY].us;
    if (bucket) {
        accept_word(l, "interval");
        us = period(l, &unit);
        if (us == 0 || units[DAY].us % us != 0)
            fail(l, where, "time_bucket of no part of a day" INSTEAD "1, 5, 10, 15 or 30 minutes");
    } else {
        if (l->token.kind == TOKEN_TEXT) unit = unit_find(l->sql + where.at + 1, where.length - 2u);
        if (l->token.kind != TOKEN_TEXT || unit == NO_UNIT)
            fail(l, where, "date_trunc to %" INSTEAD "'day', 'hour', 'minute' or 'second'");
        else us = units[unit].us;
        next(l);
    }
    if (!accept_sign(l, ',')) unexpected(l);
    put(l, "time_trunc(");
    expression(l, LEVEL_OR);
    expect_close(l);
    put(l, ", '");
    if (!l->failed) put_period(l, us, unit);
    put(l, "')");
    return LEVEL_PRIMARY;
}

/* A name with an open bracket behind it. */
static unsigned call(struct lowering *l)
{
    struct span const word = l->token.where;
    const char *name = l->sql + word.at;
    uint32_t const start = l->used;
    next(l);
    next(l);
    const char *behind = refusal_find(calls_refused, name, word.length);
    if (behind != NULL) fail(l, word, behind);
    if (listed("cast try_cast", name, word.length) != NULL) {
        expression(l, LEVEL_OR);
        expect_word(l, "as", "CAST wants a type" NEAREST "CAST(x AS DOUBLE)");
        cast(l, start);
        expect_close(l);
        return LEVEL_PRIMARY;
    }
    if (listed("date_trunc datetrunc", name, word.length) != NULL) return truncation(l, 0);
    if (listed("time_bucket", name, word.length) != NULL) return truncation(l, 1);
    behind = aggregate_find(l, word);
    if (behind != NULL) return aggregate(l, word, behind);
    put_renamed(l, word, listed(functions, name, word.length));
    put(l, "(");
    if (listed("extract", name, word.length) != NULL && l->token.kind == TOKEN_NAME && token_in(l, peek(l), "from")) {
        put(l, "'");
        put_lower(l, l->token.where);
        put(l, "', ");
        next(l);
        next(l);
    }
    if (is_word(l, "distinct")) unexpected(l);
    if (is_sign(l, '*')) fail(l, word, "%(*)" INSTEAD "count(*)");
    arguments(l);
    put(l, ")");
    return LEVEL_PRIMARY;
}

/* CASE [x] WHEN a THEN b ... [ELSE c] END, CASE being passed: if(x == a, b, c) */
static unsigned choice(struct lowering *l)
{
    unsigned whens = 0;
    struct span operand = { 0, 0 };
    put(l, "if(");
    if (!is_word(l, "when")) {
        uint32_t const start = l->used;
        if (expression(l, LEVEL_OR) < LEVEL_CONCAT) bracket(l, start);
        operand = written(l, start);
    }
    for (; accept_word(l, "when"); whens++) {
        if (whens > 0) {
            put(l, ", if(");
            put_span(l, operand);
        }
        if (operand.length != 0) put(l, " == ");
        expression(l, operand.length != 0 ? LEVEL_CONCAT : LEVEL_OR);
        expect_word(l, "then", "% stands where THEN is missing" NEAREST "CASE WHEN condition THEN x END");
        put(l, ", ");
        expression(l, LEVEL_OR);
    }
    if (whens == 0) refuse(l, "% stands where WHEN is missing" NEAREST "CASE WHEN condition THEN x END");
    put(l, ", ");
    if (accept_word(l, "else")) expression(l, LEVEL_OR);
    else put(l, "null");
    expect_word(l, "end", "% stands where END of CASE is missing");
    while (whens-- > 0) put(l, ")");
    return LEVEL_PRIMARY;
}

static unsigned primary(struct lowering *l)
{
    struct token const t = l->token;
    uint32_t const start = l->used;
    unsigned unit;
    switch (t.kind) {
    case TOKEN_NUMBER:
        if (l->sql[t.where.at] == '.') put(l, "0");
        put_bytes(l, l->sql + t.where.at, t.where.length);
        if (l->sql[t.where.at + t.where.length - 1] == '.') put(l, "0");
        next(l);
        if (l->token.kind == TOKEN_NAME && l->token.where.at == l->behind) unexpected(l);
        return LEVEL_PRIMARY;
    case TOKEN_TEXT:
        put_text(l, t.where);
        next(l);
        return LEVEL_PRIMARY;
    case TOKEN_QUOTED:
        return column_name(l);
    case TOKEN_SIGN:
        if (t.sign == '*') fail(l, t.where, "* among expressions" INSTEAD "the columns by name, or * alone");
        if (t.sign != '(') break;
        next(l);
        put(l, "(");
        unit = expression(l, LEVEL_OR);
        if (is_sign(l, ',')) refuse(l, "a row (a, b)" INSTEAD "a = 1 AND b = 2");
        expect_close(l);
        put(l, ")");
        if (!l->failed && unit == LEVEL_PRIMARY) {    /* ((a)) is a */
            l->used -= 2;
            memmove(l->text + start, l->text + start + 1, l->used - start);
        }
        return LEVEL_PRIMARY;
    case TOKEN_NAME:
        if (is_word(l, words_reserved)) {
            fail(l, t.where, "an expression is missing before %; nearest form for such a column: \"%\"");
            return LEVEL_PRIMARY;
        }
        if (is_word(l, "true false null")) {
            put_lower(l, t.where);
            next(l);
            return LEVEL_PRIMARY;
        }
        if (is_word(l, "case")) {
            next(l);
            return choice(l);
        }
        struct token const then = peek(l);
        if (then.kind == TOKEN_SIGN && then.sign == '(') return call(l);
        if (then.kind == TOKEN_TEXT && is_word(l, "timestamp timestamptz date")) {
            next(l);
            put_text(l, l->token.where);
            next(l);
            if (is_sign(l, '+') || is_sign(l, '-')) {    /* a text is a time by itself only where one is wanted */
                push(l, start, "time(");
                put(l, ")");
            }
            return LEVEL_PRIMARY;
        }
        if ((then.kind == TOKEN_TEXT || then.kind == TOKEN_NUMBER) && accept_word(l, "interval")) {
            uint64_t const us = period(l, &unit);
            put_count(l, us % 1000000 == 0 ? us / 1000000 : us);    /* seconds */
            if (us % 1000000 != 0) put(l, "e-6");
            return LEVEL_PRIMARY;
        }
        if (is_word(l, "current_timestamp current_date current_time"))
            fail(l, t.where, "%" INSTEAD "TIMESTAMP '2024-05-01 12:00:00' (a stream has no clock)");
        return column_name(l);
    default: break;
    }
    unexpected(l);
    return LEVEL_PRIMARY;
}

static unsigned prefix(struct lowering *l, unsigned lowest)
{
    if (is_word(l, "not")) {
        if (lowest > LEVEL_NOT) refuse(l, "% within a comparison" INSTEAD "(NOT x)");
        next(l);
        put(l, "not ");
        expression(l, LEVEL_NOT);
        return LEVEL_NOT;
    }
    if (accept_sign(l, '+')) return expression(l, LEVEL_UNARY);
    if (!accept_sign(l, '-')) return primary(l);
    put(l, "-");
    uint32_t const start = l->used;
    expression(l, LEVEL_UNARY);
    if (l->used > start && l->text[start] == '-') bracket(l, start);
    return LEVEL_UNARY;
}

/* IS [NOT] NULL, TRUE, FALSE; IS is passed. */
static unsigned is_test(struct lowering *l, uint32_t start)
{
    int const negated = accept_word(l, "not");
    if (accept_word(l, "null")) {
        put(l, negated ? " is not null" : " is null");
        return LEVEL_COMPARE;
    }
    if (!is_word(l, "true false")) {
        if (is_word(l, "distinct")) refuse(l, "IS DISTINCT FROM" INSTEAD "a = b OR (a IS NULL AND b IS NULL)");
        else refuse(l, "% behind IS" INSTEAD "IS NULL, IS TRUE, IS FALSE, each with NOT");
        return LEVEL_COMPARE;
    }
    int const truth = is_word(l, "true");
    next(l);
    push(l, start, "coalesce(");
    put(l, truth ? ", false)" : ", true)");
    if (truth != negated) return LEVEL_PRIMARY;
    push(l, start, "not ");
    return LEVEL_NOT;
}

static unsigned word_operator(struct lowering *l)
{
    return is_word(l, "or") ? LEVEL_OR : is_word(l, "and") ? LEVEL_AND
         : is_word(l, "is in between like ilike not") ? LEVEL_COMPARE : NO_LEVEL;
}

static unsigned infix_word(struct lowering *l, uint32_t start, unsigned level)
{
    if (level < LEVEL_COMPARE) {
        next(l);
        put(l, level == LEVEL_OR ? " or " : " and ");
        expression(l, level + 1);
        return level;
    }
    if (accept_word(l, "is")) return is_test(l, start);
    if (accept_word(l, "not")) put(l, " not");
    if (accept_word(l, "in")) {
        put(l, " in (");
        if (!accept_sign(l, '(')) refuse(l, "IN wants a list" NEAREST "x IN (1, 2, 3)");
        if (is_sign(l, ')')) unexpected(l);
        arguments(l);
        put(l, ")");
    } else if (accept_word(l, "between")) {
        put(l, " between ");
        expression(l, LEVEL_CONCAT);
        expect_word(l, "and", "% stands where AND of BETWEEN is missing");
        put(l, " and ");
        expression(l, LEVEL_CONCAT);
    } else {
        put(l, is_word(l, "like") ? " like " : " ilike ");
        if (is_word(l, "like ilike")) next(l);
        else unexpected(l);
        expression(l, LEVEL_CONCAT);
    }
    return LEVEL_COMPARE;
}

static unsigned infix_sign(struct lowering *l, uint32_t start, unsigned left, unsigned level)
{
    uint16_t const sign = l->token.sign;
    next(l);
    switch (sign) {
    case SIGN(':', ':'):
        return cast(l, start);
    case SIGN('|', '|'):
        push(l, start, "concat(");
        do {
            put(l, ", ");
            expression(l, LEVEL_CONCAT + 1);
        } while (l->token.kind == TOKEN_SIGN && l->token.sign == sign && (next(l), 1));
        put(l, ")");
        return LEVEL_PRIMARY;
    case '~':
    case SIGN('!', '~'):
        push(l, start, sign == '~' ? "matches(" : "not matches(");
        put(l, ", ");
        if (is_sign(l, '*')) refuse(l, "~*" INSTEAD "lower(x) ~ 're'");
        expression(l, LEVEL_CONCAT);
        put(l, ")");
        return sign == '~' ? LEVEL_PRIMARY : LEVEL_NOT;
    case '^':
    case SIGN('*', '*'): {    /* chains: the right one first, and before a sign; SQL: neither */
        if (left < LEVEL_PRIMARY) bracket(l, start);
        put(l, " ** ");
        uint32_t const power = l->used;
        if (expression(l, LEVEL_UNARY) < LEVEL_PRIMARY) bracket(l, power);
        return LEVEL_POWER;
    }
    default:
        put(l, " ");
        for (unsigned i = 0; i < SIGNS; i++)
            if (signs[i].sign == sign) put(l, signs[i].text);
        put(l, " ");
        expression(l, level + 1);
        return level;
    }
}

/* Write the expression that begins here, of operators not looser than `lowest`; how loose it is. */
static unsigned expression(struct lowering *l, unsigned lowest)
{
    uint32_t const start = l->used;
    struct span const bare = l->bare;
    if (++l->depth > WEIR_SQL_DEPTH_MAX) refuse(l, "the expression is nested too deep at %" NEAREST "fewer brackets");
    unsigned level = fold(l, start, bare, prefix(l, lowest));
    int compared = 0;    /* a ~ b is as tight as a call, but was a comparison in the SQL */
    for (;;) {
        unsigned const op = l->token.kind == TOKEN_NAME ? word_operator(l) : l->token.level;
        if (op == NO_LEVEL || op < lowest) break;
        if (op >= LEVEL_COMPARE && (compared || level < LEVEL_COMPARE)) {
            refuse(l, "% behind a comparison" INSTEAD "brackets around the comparison");
            break;
        }
        compared = op == LEVEL_COMPARE;
        level = l->token.kind == TOKEN_NAME ? infix_word(l, start, op) : infix_sign(l, start, level, op);
        level = fold(l, start, bare, level);
    }
    l->depth--;
    return level;
}

/* ---- the clauses ------------------------------------------------------------------------------- */

/* The clause is read: here begins another one, or nothing. */
static void clause_end(struct lowering *l)
{
    if (l->token.kind == TOKEN_END) return;
    for (unsigned i = 0; i < CLAUSES; i++)
        if (l->clauses[i] != 0 && l->keywords[i] == l->token.where.at) return;
    unexpected(l);
}

static void survey(struct lowering *l)
{
    static const char *const words[CLAUSES] = { "from", "where", "group", "window", "having", "order", "limit" };
    struct token before = { .kind = TOKEN_END };
    unsigned depth = 0, latest = 0;
    struct span open = { 0, 0 };
    if (!is_word(l, "select")) {
        if (l->token.kind == TOKEN_END) refuse(l, "a SELECT is expected");
        else if (l->token.kind == TOKEN_NAME && !is_word(l, "with insert update delete create copy"))
            refuse(l, "%" INSTEAD "SELECT columns FROM 'file'");
        unexpected(l);
    }
    for (next(l); l->token.kind != TOKEN_END; before = l->token, next(l)) {
        struct span const where = l->token.where;
        if (is_sign(l, '(')) {
            if (depth++ == 0) open = where;
            if (before.kind == TOKEN_NAME && aggregate_find(l, before.where) != NULL) l->grouped = 1;
        } else if (is_sign(l, ')')) {
            if (depth-- == 0) {
                fail(l, where, "this bracket was never opened");
                return;
            }
        } else if (is_sign(l, ';')) {
            next(l);
            if (l->token.kind != TOKEN_END) refuse(l, "% behind ;" INSTEAD "one SELECT");
            l->length = where.at;
            break;
        }
        if (l->token.kind != TOKEN_NAME || before.sign == '.' || token_in(l, before, "as")) continue;
        if (is_word(l, "union intersect except join qualify")) unexpected(l);
        if (is_word(l, "select"))
            fail(l, where, depth != 0 ? "a subquery" INSTEAD "weir sql of the inner SELECT | weir sql of the outer"
                                      : "a second SELECT" INSTEAD "one SELECT");
        if (depth != 0) continue;
        for (unsigned i = 0; i < CLAUSES; i++) {
            if (!is_word(l, words[i]) || (i == FROM && token_in(l, before, "distinct"))) continue;
            if (i == GROUP_BY || i == ORDER_BY) {
                if (!token_in(l, peek(l), "by")) continue;
                next(l);
            }
            if (i < latest || l->clauses[i] != 0) {
                fail(l, where, "% stands twice or out of order" NEAREST "FROM WHERE GROUP BY WINDOW HAVING ORDER BY LIMIT");
                return;
            }
            latest = i;
            l->keywords[i] = where.at;
            l->clauses[i] = (uint16_t)(l->token.where.at + l->token.where.length);
            break;
        }
    }
    if (depth != 0) fail(l, open, "this bracket is never closed");
    l->grouped |= l->clauses[GROUP_BY] != 0 || l->clauses[WINDOW] != 0 || l->clauses[HAVING] != 0;
}

/* Does [AS] name stand here? AS is passed. */
static int alias_here(struct lowering *l)
{
    int const as = accept_word(l, "as"), quoted = l->token.kind == TOKEN_QUOTED;
    if (quoted || (as && l->token.kind == TOKEN_NAME)) return 1;
    if (as) unexpected(l);
    return l->token.kind == TOKEN_NAME && !is_word(l, words_reserved) &&
           refusal_find(words_refused, l->sql + l->token.where.at, l->token.where.length) == NULL;
}

static void lower_from(struct lowering *l)
{
    uint32_t const start = l->used;
    seek(l, l->clauses[FROM]);
    struct token const t = l->token;
    if (t.kind == TOKEN_TEXT) {
        put_inside(l, t.where);
        next(l);
    } else if (t.kind == TOKEN_NAME || t.kind == TOKEN_QUOTED) {
        for (;;) {
            put_part(l, l->token);
            next(l);
            if (!accept_sign(l, '.')) break;
            put(l, ".");
            if (l->token.kind != TOKEN_NAME && l->token.kind != TOKEN_QUOTED) unexpected(l);
        }
        if (is_sign(l, '(')) fail(l, t.where, "table function %" INSTEAD "FROM 'file'");
        l->alias = t.where;
    } else {
        unexpected(l);
    }
    if (l->used == start) fail(l, t.where, "a file has no name" NEAREST "FROM 'file', or no FROM for standard input");
    if (alias_here(l)) {
        l->alias = l->token.where;
        next(l);
    }
    if (is_sign(l, ',')) refuse(l, "a second input (a join)" INSTEAD "join first, pipe the rows into weir");
    clause_end(l);
    const char *file = word_end(l, start);
    if (!l->failed && strcmp(file, t.kind == TOKEN_NAME ? "stdin" : "-") != 0) l->out->file = file;
}

/* The items for the first time: where, and named what. Of rows they are lowered for good. */
static void lower_items(struct lowering *l)
{
    if (is_sign(l, '*')) {
        struct span const where = l->token.where;
        next(l);
        if (is_sign(l, ',') || is_word(l, "exclude except replace"))
            fail(l, where, "* among other columns" INSTEAD "the columns by name, or * alone");
        if (l->grouped) fail(l, where, "* of groups" INSTEAD "the columns by name");
        l->star = 1;
        clause_end(l);
        return;
    }
    l->scope = l->grouped ? OF_NAMES : OF_ROWS;
    do {
        uint32_t const start = l->used, at = l->token.where.at;
        if (l->item_count == WEIR_SQL_ITEMS_MAX) {
            refuse(l, "% is more than 64 columns" NEAREST "*");
            return;
        }
        struct item *item = &l->items[l->item_count];
        l->aggregated = 0;
        item->level = (uint8_t)expression(l, LEVEL_OR);
        item->aggregated = (uint8_t)l->aggregated;
        item->sql = passed(l, at);
        item->text = written(l, start);
        if (l->failed) return;
        uint32_t const name = l->used;
        if (alias_here(l)) {
            struct span const none = l->alias;
            l->alias.length = 0;    /* a name is a name here */
            put_name(l);
            l->alias = none;
        } else if (is_name(l, item->text)) {
            put_span(l, item->text);
        } else {
            put_as_written(l, item->sql);
        }
        item->name = keep(l, name);
        if (l->grouped) {
            item->text.length = 0;
            l->used = start;
        }
        for (unsigned i = 0; !l->failed && i < l->item_count; i++)
            if (same(l, l->items[i].name, item->name))
                fail(l, item->sql, "% gives a second column of one name" NEAREST "% AS name");
        l->item_count++;
    } while (accept_sign(l, ','));
    clause_end(l);
}

/* The item's expression over the input's rows, as a group. */
static void group_add(struct lowering *l, uint32_t start, struct span where)
{
    if (l->failed) return;
    struct span const text = written(l, start);
    if (is_window_column(l, text) || column_reads(l, 0, l->column_count, text) < l->column_count) l->used = start;
    else column_add(l, start, where);
    l->group_count = l->column_count;
}

/* Is the name used within the SQL of an item, as a column? */
static int item_uses(struct lowering *l, const struct item *item, struct span name)
{
    struct token const now = l->token;
    int found = 0;
    uint32_t const end = (uint32_t)item->sql.at + item->sql.length;
    for (seek(l, item->sql.at); l->token.kind != TOKEN_END && l->token.where.at < end; next(l))
        found |= (l->token.kind == TOKEN_NAME || l->token.kind == TOKEN_QUOTED) && same_word(l, l->token.where, name);
    l->token = now;
    return found;
}

/* Here stands an item, alone, by its position or its name: it, and it is passed. */
static struct item *item_here(struct lowering *l, int of_input_first)
{
    struct token const t = l->token, then = peek(l);
    int const alone = then.kind == TOKEN_END || then.sign == ',' || token_in(l, then, "window having order limit asc desc");
    if (l->failed || !alone) return NULL;
    struct item *item = NULL;
    if (t.kind == TOKEN_NUMBER) {
        unsigned position = 0;
        for (unsigned i = 0; i < t.where.length && position <= WEIR_SQL_ITEMS_MAX; i++) {
            char const digit = l->sql[t.where.at + i];
            position = is_digit(digit) ? position * 10 + (unsigned)(digit - '0') : WEIR_SQL_ITEMS_MAX + 1;
        }
        if (position == 0 || position > l->item_count) fail(l, t.where, "% is no position of a column behind SELECT");
        else item = &l->items[position - 1];
    } else if (t.kind == TOKEN_NAME || t.kind == TOKEN_QUOTED) {
        uint32_t const start = l->used;
        put_part(l, t);
        if (!is_plain(l->text + start, l->used - start)) {
            push(l, start, "`");
            put(l, "`");
        }
        item = item_named(l, written(l, start), t.where);
        l->used = start;
        if (item != NULL && of_input_first &&
            (item->aggregated || (!same_word(l, item->sql, t.where) && item_uses(l, item, t.where)))) item = NULL;
    }
    if (item != NULL) next(l);
    return item;
}

static void group_item(struct lowering *l, const struct item *item)
{
    struct token const now = l->token;
    uint32_t const start = l->used, behind = l->behind;
    seek(l, item->sql.at);
    expression(l, LEVEL_OR);
    group_add(l, start, item->sql);
    if (l->failed) return;
    l->token = now;
    l->behind = behind;
}

static void lower_groups(struct lowering *l)
{
    l->scope = OF_ROWS;
    for (unsigned i = 0; l->distinct && i < l->item_count; i++) group_item(l, &l->items[i]);
    if (l->clauses[GROUP_BY] == 0) return;
    seek(l, l->clauses[GROUP_BY]);
    if (is_word(l, "all")) refuse(l, "GROUP BY ALL" INSTEAD "the columns by name or position");
    do {
        const struct item *item = item_here(l, 1);
        uint32_t const start = l->used, at = l->token.where.at;
        if (item != NULL) {
            group_item(l, item);
        } else {
            expression(l, LEVEL_OR);
            group_add(l, start, passed(l, at));
        }
    } while (accept_sign(l, ','));
    clause_end(l);
}

/* Does the name stand in the text? */
static int text_uses(const struct lowering *l, struct span text, struct span name)
{
    const char *at = l->text + text.at, *end = at + text.length, *word = l->text + name.at;
    for (; at + name.length <= end; at++) {
        if (memcmp(at, word, name.length) != 0) continue;
        char const before = at == l->text + text.at ? ' ' : at[-1];
        char const behind = at + name.length == end ? ' ' : at[name.length];
        if (!is_part(before) && !is_part(behind)) return 1;
    }
    return 0;
}

/* An item that is just one of these columns of agg, and its only use, gives it its name, if no other has that. */
static void item_christen(struct lowering *l, struct item *item, unsigned first, unsigned end)
{
    struct span having = { 0, 0 };
    if (l->having != NULL) having = (struct span){ (uint16_t)(l->having - l->text), (uint16_t)strlen(l->having) };
    unsigned const column = column_called(l, first, end, item->text);
    if (column == end || text_uses(l, having, item->text)) return;
    if (column_called(l, 0, l->column_count, item->name) < l->column_count) return;
    for (unsigned i = 0; i < first; i++)
        if (text_uses(l, l->columns[i].text, item->name)) return;
    for (unsigned i = 0; i < l->item_count; i++)
        if (&l->items[i] != item && text_uses(l, l->items[i].text, item->text)) return;
    l->columns[column].name = item->text = item->name;
}

/* The last expression used a column that is gone. */
static void refuse_bare(struct lowering *l)
{
    if (l->bare.length != 0) fail(l, l->bare, "% is neither grouped nor in an aggregate" NEAREST "GROUP BY %, or first(%)");
}

static void lower_items_of_groups(struct lowering *l)
{
    l->scope = OF_GROUPS;
    for (unsigned i = 0; i < l->item_count && !l->failed; i++) {
        struct item *item = &l->items[i];
        uint32_t const start = l->used;
        seek(l, item->sql.at);
        item->level = (uint8_t)expression(l, LEVEL_OR);
        item->text = written(l, start);
        refuse_bare(l);
        if (!l->failed) item_christen(l, item, l->group_count, l->column_count);
    }
}

static void lower_window(struct lowering *l)
{
    uint32_t start = l->used;
    seek(l, l->clauses[WINDOW]);
    struct span const where = l->token.where;
    if (!is_word(l, "tumbling hopping session count"))
        fail(l, where, "WINDOW %" INSTEAD "TUMBLING 10s, HOPPING 60s 1s, SESSION 30s or COUNT 1000");
    put_lower(l, where);
    put(l, ":");
    int const counts = is_word(l, "count"), hops = is_word(l, "hopping");
    next(l);
    if (counts) {
        put_whole(l, "% is no number of rows" NEAREST "WINDOW COUNT 1000");
    } else {
        lower_period(l);
        if (hops) {
            accept_sign(l, ',');
            put(l, ",");
            lower_period(l);
        }
    }
    l->window = word_end(l, start);
    start = l->used;
    if (accept_word(l, "on")) {
        if (is_word(l, words_reserved)) unexpected(l);
        put_name(l);
        l->time = word_end(l, start);
        start = l->used;
    }
    if (accept_word(l, "lateness")) {
        lower_period(l);
        l->lateness = word_end(l, start);
        start = l->used;
    }
    if (accept_word(l, "late")) {
        if (!accept_word(l, "to") || l->token.kind != TOKEN_TEXT) {
            unexpected(l);
            return;
        }
        put_inside(l, l->token.where);
        next(l);
        l->late_to = word_end(l, start);
        start = l->used;
    }
    if (accept_word(l, "idle")) {
        lower_period(l);
        l->idle = word_end(l, start);
    }
    clause_end(l);
}

static const char *lower_condition(struct lowering *l, enum clause clause)
{
    uint32_t const start = l->used;
    seek(l, l->clauses[clause]);
    expression(l, LEVEL_OR);
    clause_end(l);
    return word_end(l, start);
}

static void lower_having(struct lowering *l)
{
    if (l->clauses[GROUP_BY] == 0 && l->clauses[WINDOW] == 0)
        fail(l, (struct span){ l->keywords[HAVING], 6 }, "HAVING without GROUP BY" INSTEAD "WHERE, or GROUP BY columns");
    l->aliases = 1;
    l->having = lower_condition(l, HAVING);
    refuse_bare(l);
}

/* Keys of --order by the names that agg gives; or of `sort`, where they are rows' or computed. Windows come in the order of their ends by
 * themselves. */
static void lower_order(struct lowering *l)
{
    unsigned count = 0, windows = 0;
    uint32_t const list = l->used;
    int sorts = !l->grouped;
    seek(l, l->clauses[ORDER_BY]);
    do {
        uint32_t const start = l->used, at = l->token.where.at;
        const struct item *item = item_here(l, 0);
        if (item != NULL) put_span(l, item->text);
        else expression(l, LEVEL_OR);
        struct span const where = { (uint16_t)at, (uint16_t)(l->behind - at) }, text = written(l, start);
        refuse_bare(l);
        int const descends = is_word(l, "desc");
        if (is_word(l, "desc asc")) next(l);
        if (l->failed) return;
        if (is_window_column(l, text)) {
            l->used = start;
            if (descends || windows < count)
                fail(l, where, "% here would keep every window" NEAREST "ORDER BY window_start, then others");
            if (count == 0) windows = 1;
            continue;
        }
        unsigned const column = column_called(l, 0, l->column_count, text);
        if (l->clauses[WINDOW] != 0 && windows == 0)
            fail(l, where, "ORDER BY % over all windows" INSTEAD "ORDER BY window_start, %");
        if (l->clauses[WINDOW] != 0 && column == l->column_count)
            fail(l, where, "ORDER BY of a computed % of windows" INSTEAD "one of its aggregates or groups");
        sorts |= l->grouped && column == l->column_count;
        if (count == WEIR_SQL_ORDER_MAX) fail(l, where, "% is more than 8 columns of ORDER BY" NEAREST "fewer");
        put(l, descends ? ":desc," : ",");
        if (l->failed) return;
        l->keys[count].column = (uint8_t)column;
        l->keys[count++].descends = (uint8_t)descends;
    } while (accept_sign(l, ','));
    clause_end(l);
    if (sorts && !l->failed) {
        l->used--;    /* the last comma */
        l->sort = word_end(l, list);
    } else {
        l->used = list;
        l->key_count = count;
    }
}

static void lower_limit(struct lowering *l)
{
    uint32_t const start = l->used;
    seek(l, l->clauses[LIMIT]);
    if (accept_word(l, "all")) {
        clause_end(l);
        return;
    }
    put_whole(l, "LIMIT %" INSTEAD "LIMIT and a whole number");
    if (is_sign(l, ',')) refuse(l, "LIMIT a, b (OFFSET)" INSTEAD "LIMIT of both, then tail -n +N");
    clause_end(l);
    l->limit = word_end(l, start);
}

/* ---- the chain --------------------------------------------------------------------------------- */

static void word(struct lowering *l, const char *text)
{
    WEIR_ASSERT(l->out->count < WEIR_CHAIN_TOKENS_MAX);
    l->out->tokens[l->out->count++] = text;
}
static void verb(struct lowering *l, const char *name)
{
    if (l->out->count != 0) word(l, "then");
    word(l, name);
}
static void option(struct lowering *l, const char *name, const char *value)
{
    if (value == NULL) return;
    word(l, name);
    word(l, value);
}

static void put_named(struct lowering *l, struct span text, struct span name)
{
    put_span(l, text);
    if (same(l, text, name)) return;
    put(l, " as ");
    put_span(l, name);
}

static void verb_agg(struct lowering *l)
{
    verb(l, "agg");
    for (int groups = 0; groups < 2; groups++) {
        uint32_t const start = l->used;
        unsigned const first = groups ? 0 : l->group_count, end = groups ? l->group_count : l->column_count;
        for (unsigned i = first; i < end; i++) {
            if (i != first) put(l, ", ");
            put_named(l, l->columns[i].text, l->columns[i].name);
        }
        if (first == end) continue;
        if (groups) word(l, "-g");
        word(l, word_end(l, start));
    }
    option(l, "--window", l->window);
    option(l, "--time", l->time);
    option(l, "--lateness", l->lateness);
    option(l, "--late-to", l->late_to);
    option(l, "--idle", l->idle);
    uint32_t const start = l->used;
    for (unsigned i = 0; i < l->key_count; i++) {
        if (i > 0) put(l, ",");
        put_span(l, l->columns[l->keys[i].column].name);
        if (l->keys[i].descends) put(l, ":desc");
    }
    if (l->key_count != 0) option(l, "--order", word_end(l, start));
}

static void verb_select(struct lowering *l)
{
    uint32_t const start = l->used;
    verb(l, "select");
    for (unsigned i = 0; i < l->item_count; i++) {
        if (i != 0) put(l, ", ");
        put_named(l, l->items[i].text, l->items[i].name);
    }
    word(l, word_end(l, start));
}

/* Does agg give what SELECT asks for already? */
static int agg_suffices(const struct lowering *l)
{
    if (l->window != NULL || l->group_count == l->column_count || l->item_count != l->column_count) return 0;
    for (unsigned i = 0; i < l->item_count; i++)
        if (!same(l, l->items[i].name, l->columns[i].name) || !same(l, l->items[i].text, l->items[i].name)) return 0;
    return 1;
}

static void assemble(struct lowering *l)
{
    const char *head = l->limit;
    for (unsigned i = 0; i < l->item_count; i++) item_christen(l, &l->items[i], 0, l->group_count);
    if (l->where != NULL) option(l, "filter", l->where);
    if (l->grouped) {
        verb_agg(l);
        if (l->having == NULL && l->window == NULL && l->sort == NULL) {
            option(l, "--limit", head);
            head = NULL;
        }
        if (l->having != NULL) {
            verb(l, "filter");
            word(l, l->having);
        }
    }
    if (l->sort != NULL) {
        verb(l, "sort");
        word(l, l->sort);
        option(l, "-n", head);
        head = NULL;
    }
    if (l->grouped ? !agg_suffices(l) : !l->star) verb_select(l);
    if (head != NULL) {
        verb(l, "head");
        option(l, "-n", head);
    }
    if (l->out->count == 0) option(l, "filter", "true");    /* SELECT * FROM file: all of it */
}

int sql_lower(const char *sql, size_t length, struct sql_chain *out, struct sql_error *error)
{
    WEIR_ASSERT(sql != NULL || length == 0);
    WEIR_ASSERT(out != NULL && error != NULL);
    struct lowering l = { .sql = sql, .length = (uint32_t)length, .out = out, .text = out->text, .error = error,
                          .top = WEIR_SQL_TEXT_BYTES };
    out->count = 0;
    out->file = NULL;
    if (length > WEIR_SQL_BYTES_MAX) {
        l.length = 0;
        fail(&l, (struct span){ WEIR_SQL_BYTES_MAX, 0 }, "the SELECT is longer than 4096 bytes" NEAREST "a shorter one");
        return -1;
    }
    seek(&l, 0);
    survey(&l);
    if (l.clauses[FROM] != 0) lower_from(&l);
    if (l.clauses[WHERE] != 0) l.where = lower_condition(&l, WHERE);

    seek(&l, 0);
    next(&l);
    accept_word(&l, "all");
    if (is_word(&l, "distinct")) {
        struct span const where = l.token.where;
        next(&l);
        if (is_word(&l, "on")) fail(&l, where, "DISTINCT ON" INSTEAD "first(x) with GROUP BY");
        if (is_sign(&l, '*')) fail(&l, where, "DISTINCT *" INSTEAD "DISTINCT and the columns by name");
        if (l.grouped) fail(&l, where, "DISTINCT of groups" INSTEAD "no DISTINCT (they are)");
        l.grouped = l.distinct = 1;
    }
    lower_items(&l);
    if (l.grouped) {
        lower_groups(&l);
        lower_items_of_groups(&l);
        if (l.clauses[WINDOW] != 0) lower_window(&l);
        if (l.clauses[HAVING] != 0) lower_having(&l);
    }
    if (l.clauses[ORDER_BY] != 0) lower_order(&l);
    if (l.clauses[LIMIT] != 0) lower_limit(&l);
    if (!l.failed && l.grouped && l.column_count == 0)
        fail(&l, (struct span){ l.keywords[WINDOW], 6 }, "WINDOW without aggregates" INSTEAD "SELECT window_start, count(*)");
    if (!l.failed) assemble(&l);
    if (!l.failed) return 0;
    out->count = 0;
    out->file = NULL;
    return -1;
}
