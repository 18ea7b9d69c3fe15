#include "differences.h"

#include "engine/engine.h"

#include <string.h>

static const struct {
    const char *engine; // how its version starts
    const char *reason;
} differences[DIFFERS_COUNT] = {
    [DIFFERS_VERSION_UNSEEN] = {
        "Mbed TLS 3.6",
        "a server that allows TLS 1.2 only does not look at supported_versions (RFC 8446 section 4.2.1 lets it): a "
        "client that offers TLS 1.3 only fails for want of a common cipher suite, not of a common version",
    },
};

bool differs(difference_t difference) {
    return strncmp(tls_engine_version(), differences[difference].engine, strlen(differences[difference].engine)) == 0;
}
