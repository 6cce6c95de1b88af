/* route_keys.c - lines of standard input, each after the name of the output that its first field goes to.
 *
 *   ./route_keys alpha beta gamma <access.log      take one away: only its lines go elsewhere
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

int main(int argc, char **argv)
{
    size_t const outputs = (size_t)argc - 1, bytes = weir_router_bytes(WEIR_ROUTER_RENDEZVOUS, outputs);
    if (bytes == 0) return fprintf(stderr, "usage: route_keys NAME...\n"), 2;
    const char *names[WEIR_ROUTER_OUTPUTS_MAX];
    for (size_t i = 0; i < outputs; i++) names[i] = argv[i + 1];

    void *block = aligned_alloc(WEIR_ROUTER_ALIGN, (bytes + 63) / 64 * 64);
    weir_router *router;
    if (block == NULL) return 1;
    if (weir_router_init(&router, block, bytes, WEIR_ROUTER_RENDEZVOUS, names, NULL, outputs, 1) != WEIR_OK)
        return fprintf(stderr, "route_keys: two outputs of one name\n"), 2;

    char line[4096];
    while (fgets(line, sizeof line, stdin) != NULL) {
        uint64_t const hash = weir_hash_bytes(line, strcspn(line, " \t\n"), 0);
        uint16_t output;
        weir_router_pick(router, &hash, 1, &output);
        printf("%s\t%s", names[output], line);
    }
    free(block);
    return 0;
}
