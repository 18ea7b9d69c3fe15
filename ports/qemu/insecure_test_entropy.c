// INSECURE: the same "random" numbers after every start. For emulated boards in tests only, which have no source of
// entropy. A real port defines this function with its hardware's random number generator; without one an image with
// TLS does not link.

#include <stddef.h>
#include <stdint.h>

int mbedtls_hardware_poll(void *data, unsigned char *output, size_t len, size_t *olen);
int mbedtls_hardware_poll(void *data, unsigned char *output, size_t len, size_t *olen) {
    (void)data;
    static uint32_t state = 1; // xorshift32 (Marsaglia 2003)
    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        output[i] = (unsigned char)(state >> 24);
    }
    *olen = len;
    return 0;
}
