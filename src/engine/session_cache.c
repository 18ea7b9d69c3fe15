// The sessions that a context keeps.

#include "engine/session_cache.h"

#if MICROPY_PY_SSL_SESSION_CACHE

#include "engine/memory.h"

#include <string.h>

struct tls_session_entry {
    tls_session_entry_t *next;
    tls_session_t *session;
    uint32_t number;
    uint16_t port;
    bool single_use;
};

// All that allocates or frees is done without the lock, so that no finaliser that a collection runs meets it, and
// nobody waits for the allocator.

static void free_entries(tls_session_entry_t *entry) {
    while (entry != NULL) {
        tls_session_entry_t *next = entry->next;
        tls_session_release(entry->session);
        tls_free_apart(entry);
        entry = next;
    }
}

static tls_session_entry_t *unlink(tls_session_cache_t *cache, tls_session_entry_t **place) {
    tls_session_entry_t *entry = *place;
    *place = entry->next;
    entry->next = NULL;
    cache->stats.number--;
    return entry;
}

static void link_first(tls_session_cache_t *cache, tls_session_entry_t *entry) {
    entry->next = cache->first;
    cache->first = entry;
    cache->stats.number++;
}

// Takes what is beyond `size` off the list.
static tls_session_entry_t *cut(tls_session_cache_t *cache, size_t size) {
    tls_session_entry_t **place = &cache->first;
    for (size_t i = 0; i < size && *place != NULL; i++) {
        place = &(*place)->next;
    }
    tls_session_entry_t *rest = *place;
    *place = NULL;
    for (const tls_session_entry_t *entry = rest; entry != NULL; entry = entry->next) {
        cache->stats.number--;
    }
    return rest;
}

void tls_session_cache_resize(tls_session_cache_t *cache, size_t size) {
    tls_lock(&cache->lock);
    cache->size = size;
    tls_session_entry_t *rest = cut(cache, size);
    tls_unlock(&cache->lock);
    free_entries(rest);
}

static bool has_id(const tls_session_entry_t *entry, const uint8_t *id, size_t len) {
    size_t own_len;
    const uint8_t *own = tls_session_id(entry->session, &own_len);
    return own_len == len && memcmp(own, id, len) == 0;
}

static bool has_name(const tls_session_entry_t *entry, const char *name, uint16_t port) {
    const char *own = tls_session_facts(entry->session)->terms.hostname;
    return own != NULL && strcmp(own, name) == 0 && entry->port == port;
}

static bool is_replaced(const tls_session_entry_t *entry, const tls_session_t *session, uint16_t port) {
    const tls_session_facts_t *facts = tls_session_facts(session);
    const char *name = facts->terms.hostname;
    return name == NULL ? has_id(entry, facts->id, facts->id_len) : has_name(entry, name, port);
}

static tls_session_entry_t *unlink_replaced(tls_session_cache_t *cache, const tls_session_t *session, uint16_t port) {
    for (tls_session_entry_t **place = &cache->first; *place != NULL; place = &(*place)->next) {
        if (is_replaced(*place, session, port)) {
            return unlink(cache, place);
        }
    }
    return NULL;
}

uint32_t tls_session_cache_put(tls_session_cache_t *cache, tls_session_t *session, uint16_t port, bool single_use) {
    tls_session_entry_t *entry = session == NULL ? NULL : tls_calloc_apart(sizeof(*entry));
    if (entry == NULL) {
        tls_session_release(session);
        return 0;
    }
    *entry = (tls_session_entry_t) {.session = session, .port = port, .single_use = single_use};
    tls_lock(&cache->lock);
    // One number in four thousand million comes again: then a session may be dropped that is innocent.
    cache->last_number += cache->last_number == UINT32_MAX ? 2 : 1;
    entry->number = cache->last_number;
    uint32_t number = cache->size > 0 ? entry->number : 0;
    tls_session_entry_t *replaced = unlink_replaced(cache, session, port);
    link_first(cache, entry);
    tls_session_entry_t *rest = cut(cache, cache->size);
    cache->stats.cache_full += number > 0 && rest != NULL;
    tls_unlock(&cache->lock);
    free_entries(replaced);
    free_entries(rest);
    return number;
}

// Moves the entry to the front, or takes it out if it can be used once only. A reference for the caller.
static tls_session_t *use(tls_session_cache_t *cache, tls_session_entry_t **place, tls_session_entry_t **old,
    uint32_t *number) {
    tls_session_entry_t *entry = unlink(cache, place);
    tls_session_t *session = tls_session_retain(entry->session);
    if (entry->single_use) {
        *old = entry;
    } else {
        *number = entry->number;
        link_first(cache, entry);
    }
    return session;
}

typedef struct wanted {
    const tls_session_terms_t *terms; // client, with the port
    uint16_t port;
    const uint8_t *id; // server, with its length and the binding
    size_t id_len;
    const uint8_t *binding;
} wanted_t;

static bool is_wanted(const tls_session_entry_t *entry, const wanted_t *wanted) {
    return wanted->terms != NULL ? has_name(entry, wanted->terms->hostname, wanted->port)
                                 : has_id(entry, wanted->id, wanted->id_len);
}

static bool is_allowed(const tls_session_t *session, const wanted_t *wanted, int64_t now) {
    if (wanted->terms != NULL) {
        return tls_session_suits(session, wanted->terms, now);
    }
    return memcmp(tls_session_facts(session)->terms.trust, wanted->binding, TLS_DIGEST_SIZE) == 0;
}

static tls_session_t *look(tls_session_cache_t *cache, const wanted_t *wanted, int64_t now, uint32_t *number) {
    tls_session_t *session = NULL;
    tls_session_entry_t *old = NULL;
    *number = 0;
    tls_lock(&cache->lock);
    tls_session_entry_t **place = &cache->first;
    while (*place != NULL && !is_wanted(*place, wanted)) {
        place = &(*place)->next;
    }
    if (*place != NULL && !tls_session_is_fresh((*place)->session, now)) {
        old = unlink(cache, place);
        cache->stats.timeouts++;
    } else if (*place != NULL && is_allowed((*place)->session, wanted, now)) {
        session = use(cache, place, &old, number);
    }
    cache->stats.misses += session == NULL && cache->size > 0;
    tls_unlock(&cache->lock);
    free_entries(old);
    return session;
}

tls_session_t *tls_session_cache_take(tls_session_cache_t *cache, const tls_session_terms_t *terms, uint16_t port,
    int64_t now, uint32_t *number) {
    const wanted_t wanted = {.terms = terms, .port = port};
    *number = 0;
    return terms->hostname == NULL ? NULL : look(cache, &wanted, now, number);
}

tls_session_t *tls_session_cache_find(tls_session_cache_t *cache, const uint8_t *id, size_t len,
    const uint8_t binding[TLS_DIGEST_SIZE], int64_t now, uint32_t *number) {
    const wanted_t wanted = {.id = id, .id_len = len, .binding = binding};
    return look(cache, &wanted, now, number);
}

void tls_session_cache_count(tls_session_cache_t *cache, uint32_t *counter) {
    tls_lock(&cache->lock);
    ++*counter;
    tls_unlock(&cache->lock);
}

void tls_session_cache_read_stats(tls_session_cache_t *cache, tls_session_stats_t *stats) {
    tls_lock(&cache->lock);
    *stats = cache->stats;
    tls_unlock(&cache->lock);
}

void tls_session_cache_remove(tls_session_cache_t *cache, uint32_t number) {
    tls_session_entry_t *removed = NULL;
    tls_lock(&cache->lock);
    for (tls_session_entry_t **place = &cache->first; number != 0 && *place != NULL; place = &(*place)->next) {
        if ((*place)->number == number) {
            removed = unlink(cache, place);
            break;
        }
    }
    tls_unlock(&cache->lock);
    free_entries(removed);
}

#endif
