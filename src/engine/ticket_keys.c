// The keys of a server's tickets.

#include "engine/ticket_keys.h"

#include "engine/memory.h"

#include <string.h>

#define OWN_KEYS 2 // the one that seals, and the one before

static size_t size_of(size_t count) {
    return sizeof(tls_ticket_keys_t) + count * sizeof(tls_ticket_key_t);
}

tls_ticket_keys_t *tls_ticket_keys_new(const tls_bytes_t *given, size_t count) {
    bool own = count == 0;
    tls_ticket_keys_t *keys = tls_calloc(1, size_of(own ? OWN_KEYS : count));
    if (keys == NULL) {
        return NULL;
    }
    keys->given = !own;
    keys->count = own ? OWN_KEYS : count;
    for (size_t i = 0; i < count; i++) {
        keys->keys[i].size = (uint8_t)given[i].len;
        memcpy(keys->keys[i].bytes, given[i].data, given[i].len);
    }
    return keys;
}

void tls_ticket_keys_free(tls_ticket_keys_t *keys) {
    if (keys != NULL) {
        tls_wipe_memory(keys, size_of(keys->count));
        tls_free(keys);
    }
}

bool tls_ticket_keys_check(const tls_bytes_t *given, size_t count, tls_error_t *error) {
    if (count > TLS_TICKET_KEYS_MAX) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "at most %d ticket keys",
            TLS_TICKET_KEYS_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (given[i].len != TLS_TICKET_KEY_SHORT && given[i].len != TLS_TICKET_KEY_LONG) {
            tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "a ticket key has %d or %d bytes",
                TLS_TICKET_KEY_SHORT, TLS_TICKET_KEY_LONG);
            return false;
        }
    }
    return true;
}

// Own keys: makes the newest one anew, with the lock held. The one before is lost unless `keep` says that it goes on.
static bool renew(tls_ticket_keys_t *keys, int64_t now, bool keep) {
    tls_ticket_key_t fresh = {.size = TLS_TICKET_KEY_LONG};
    if (!tls_random(fresh.bytes, sizeof(fresh.bytes))) {
        return false;
    }
    if (keep) {
        keys->keys[1] = keys->keys[0];
    } else {
        tls_wipe_memory(&keys->keys[1], sizeof(keys->keys[1]));
    }
    keys->keys[0] = fresh;
    keys->since = now;
    keys->filled = true;
    tls_wipe_memory(&fresh, sizeof(fresh));
    return true;
}

static bool keep_up(tls_ticket_keys_t *keys, int64_t now) {
    if (keys->given) {
        return true;
    }
    if (!keys->filled) {
        return renew(keys, now, false);
    }
    if (now < 0) {
        return true;
    }
    if (keys->since < 0 || now < keys->since) { // the clock was set: ages count from here
        keys->since = now;
    }
    if (now - keys->since < TLS_TICKET_PERIOD) {
        return true;
    }
    return renew(keys, now, now - keys->since < TLS_TICKET_LIFETIME);
}

bool tls_ticket_keys_get(tls_ticket_keys_t *keys, int64_t now, size_t number, tls_ticket_key_t *key) {
    tls_lock(&keys->lock);
    bool there = keep_up(keys, now) && number < keys->count && keys->keys[number].size > 0;
    if (there) {
        *key = keys->keys[number];
    }
    tls_unlock(&keys->lock);
    return there;
}
