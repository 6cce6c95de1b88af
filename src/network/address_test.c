/* address_test.c - what network.h promises of names. Oracle: the addresses as the C library reads them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "network/network.h"
#include "tests/weir_test.h"

TEST(addresses_and_settings_are_read)
{
    struct endpoint e;
    struct network_error error;
    CHECK_EQ(endpoint_parse(&e, "tcp://127.0.0.1:9000", &error), NETWORK_OK);
    const struct sockaddr_in *a = (const void *)e.address;
    CHECK(e.loopback && !e.listens && e.family == AF_INET && ntohs(a->sin_port) == 9000 && a->sin_addr.s_addr == inet_addr("127.0.0.1"));
    CHECK_EQ(endpoint_parse(&e, "tcp-listen://[::1]:65535?connections=3&until=7&record=8KiB&idle=1500ms", &error), NETWORK_OK);
    const struct sockaddr_in6 *six = (const void *)e.address;
    CHECK(e.loopback && e.listens && e.family == AF_INET6 && ntohs(six->sin6_port) == 65535 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr));
    CHECK(e.connections == 3 && e.until == 7 && e.record_bytes == 8192 && e.idle_ns == 1500000000);
    CHECK_EQ(endpoint_parse(&e, "udp://192.0.2.1:5", &error), NETWORK_OK);
    CHECK(!e.loopback && e.type == SOCK_DGRAM && e.idle_ns == 0);
    CHECK_EQ(endpoint_parse(&e, "tcp://0.0.0.0:5", &error), NETWORK_OK);
    CHECK(!e.loopback);
    CHECK_EQ(endpoint_parse(&e, "tcp://[::ffff:10.0.0.1]:5", &error), NETWORK_OK);
    CHECK(!e.loopback);
    CHECK_EQ(endpoint_parse(&e, "unix-listen:/tmp/a b?connections=1", &error), NETWORK_OK);
    const struct sockaddr_un *path = (const void *)e.address;
    CHECK(e.loopback && e.until == 1 && strcmp(path->sun_path, "/tmp/a b") == 0);
    CHECK_EQ(endpoint_parse(&e, "unix:/tmp/what?", &error), NETWORK_OK);    /* of those that connect a ? is of the path */
    CHECK(strcmp(path->sun_path, "/tmp/what?") == 0 && e.idle_ns == 0);
    CHECK_EQ(endpoint_parse(&e, "unix:/tmp/what?idle=2s", &error), NETWORK_OK);    /* but for this */
    CHECK(strcmp(path->sun_path, "/tmp/what") == 0 && e.idle_ns == 2000000000);
    CHECK_EQ(endpoint_parse(&e, "tcp://127.0.0.1:1?idle=1m", &error), NETWORK_OK);
    CHECK(e.idle_ns == 60000000000 && !e.listens);
    CHECK_EQ(endpoint_parse(&e, "udp://127.0.0.1:1?gro=1&until=5", &error), NETWORK_OK);
    CHECK(e.coalesced && e.until == 5 && e.idle_ns == 0);
}

TEST(what_is_no_address_is_refused_with_words)
{
    static const char *const bad[] = { "tcp://", "tcp://:1", "tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "tcp://127.0.0.1:1x",
                                       "tcp://host:1", "tcp://127.1:1", "tcp://[::1:1", "tcp://[]:1", "tcp://::1:1", "unix:", "file", "udp:127.0.0.1:1", "tcp-listen://127.0.0.1:1?",
                                       "tcp-listen://127.0.0.1:1?connections=0", "tcp-listen://127.0.0.1:1?connections=65", "tcp-listen://127.0.0.1:1?record=1",
                                       "tcp-listen://127.0.0.1:1?record=1MiB", "tcp-listen://127.0.0.1:1?idle=x", "tcp-listen://127.0.0.1:1?until=0", "tcp-listen://127.0.0.1:1?&",
                                       "tcp://127.0.0.1:1?until=1", "udp://127.0.0.1:1?gro=2", "tcp-listen://127.0.0.1:1?gro=1" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct endpoint e;
        struct network_error error = { "" };
        enum network_outcome const outcome = endpoint_parse(&e, bad[i], &error);
        if (strcmp(bad[i], "tcp-listen://127.0.0.1:1?") == 0) continue;    /* no settings are settings */
        CHECK_EQ(outcome, NETWORK_USAGE);
        CHECK(error.text[0] != '\0');
    }
    char longer[300] = "unix:";
    memset(longer + 5, 'x', 200);
    struct endpoint e;
    struct network_error error;
    CHECK_EQ(endpoint_parse(&e, longer, &error), NETWORK_USAGE);
}

TEST(any_text_is_read_or_refused)
{
    static const char *const schemes[] = { "tcp://", "tcp-listen://", "udp://", "unix:", "unix-listen:" };
    FOR_SEEDS(3000) {
        char name[400];
        struct endpoint e;
        struct network_error error;
        strcpy(name, schemes[prng_below(prng, 5)]);
        size_t at = strlen(name), const_end = at + prng_below(prng, 300);
        while (at < const_end) name[at++] = prng_below(prng, 3) ? "127.0.0.1:[]?&=connectionsuntilrecordidle9"[prng_below(prng, 42)] : (char)(1 + prng_below(prng, 255));
        name[at] = '\0';
        (void)endpoint_parse(&e, name, &error);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(addresses_and_settings_are_read), RUN(what_is_no_address_is_refused_with_words), RUN(any_text_is_read_or_refused));
}
