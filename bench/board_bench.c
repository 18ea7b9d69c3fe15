// Module `bench` of the measured images: a pipe that costs next to nothing, and the library's ciphers by themselves.

#include "mbedtls/build_info.h"
#ifdef MBEDTLS_PSA_CRYPTO_C
#include "psa/crypto.h"
#endif
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/obj.h"
#include "py/runtime.h"
#include "py/stream.h"

// ---------------------------------------------------------------------------------------------------------------------
// A pipe

typedef struct _bench_end_t {
    mp_obj_base_t base;
    struct _bench_end_t *other;
    size_t size;
    size_t start;
    size_t end;
    byte *queue; // what this end can read
} bench_end_t;

static inline void copy_word(byte *to, const byte *from) {
    uint32_t word;
    __builtin_memcpy(&word, from, sizeof(word));
    __builtin_memcpy(to, &word, sizeof(word));
}

// In words, aligned or not; MicroPython's memcpy() would cost more than the pipe may.
static void copy(byte *to, const byte *from, size_t size) {
    for (; size >= 16; size -= 16, to += 16, from += 16) {
        copy_word(to, from);
        copy_word(to + 4, from + 4);
        copy_word(to + 8, from + 8);
        copy_word(to + 12, from + 12);
    }
    while (size-- > 0) {
        *to++ = *from++;
    }
}

static mp_uint_t end_read(mp_obj_t self_in, void *buf, mp_uint_t size, int *errcode) {
    bench_end_t *self = MP_OBJ_TO_PTR(self_in);
    size_t count = MIN(size, self->end - self->start);
    if (count == 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    copy(buf, self->queue + self->start, count);
    self->start += count;
    if (self->start == self->end) {
        self->start = self->end = 0;
    }
    return count;
}

static mp_uint_t end_write(mp_obj_t self_in, const void *buf, mp_uint_t size, int *errcode) {
    bench_end_t *other = ((bench_end_t *)MP_OBJ_TO_PTR(self_in))->other;
    size_t count = MIN(size, other->size - other->end);
    if (count == 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    copy(other->queue + other->end, buf, count);
    other->end += count;
    return count;
}

static mp_uint_t end_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    bench_end_t *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_POLL) {
        return (self->end > self->start ? arg & MP_STREAM_POLL_RD : 0) | (arg & MP_STREAM_POLL_WR);
    }
    *errcode = MP_EINVAL;
    return request == MP_STREAM_CLOSE ? 0 : MP_STREAM_ERROR;
}

static const mp_stream_p_t end_stream_p = {
    .read = end_read,
    .write = end_write,
    .ioctl = end_ioctl,
};

static MP_DEFINE_CONST_OBJ_TYPE(end_type, MP_QSTR_End, MP_TYPE_FLAG_NONE, protocol, &end_stream_p);

static bench_end_t *new_end(size_t size) {
    bench_end_t *end = mp_obj_malloc(bench_end_t, &end_type);
    end->size = size;
    end->start = end->end = 0;
    end->queue = m_new(byte, size);
    return end;
}

//| def pipe(size: int) -> tuple[End, End]:
//|     """Two streams that are connected, with room for `size` bytes each way."""
static mp_obj_t bench_pipe(mp_obj_t size_obj) {
    size_t size = (size_t)mp_obj_get_int(size_obj);
    bench_end_t *near = new_end(size);
    bench_end_t *far = new_end(size);
    near->other = far;
    far->other = near;
    mp_obj_t items[2] = {MP_OBJ_FROM_PTR(near), MP_OBJ_FROM_PTR(far)};
    return mp_obj_new_tuple(2, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(bench_pipe_obj, bench_pipe);

// ---------------------------------------------------------------------------------------------------------------------
// Ciphers; the built-in module's configuration has no PSA.

#ifdef MBEDTLS_PSA_CRYPTO_C

#define RECORDS  8
#define TAG_SIZE 16

static void check(psa_status_t status) {
    if (status != PSA_SUCCESS) {
        mp_raise_OSError((int)status);
    }
}

//| def cipher(chacha20: bool, size: int) -> int:
//|     """Ticks for records of `size` bytes, encrypted and decrypted as TLS has it done, by the library alone."""
static mp_obj_t bench_cipher(mp_obj_t chacha20, mp_obj_t size_obj) {
    bool is_chacha20 = mp_obj_is_true(chacha20);
    size_t size = (size_t)mp_obj_get_int(size_obj);
    psa_algorithm_t algorithm = is_chacha20 ? PSA_ALG_CHACHA20_POLY1305 : PSA_ALG_GCM;
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT);
    psa_set_key_algorithm(&attributes, algorithm);
    psa_set_key_type(&attributes, is_chacha20 ? PSA_KEY_TYPE_CHACHA20 : PSA_KEY_TYPE_AES);
    static const uint8_t zeros[32];
    psa_key_id_t key;
    check(psa_crypto_init());
    check(psa_import_key(&attributes, zeros, is_chacha20 ? 32 : 16, &key));

    uint8_t *plain = m_new(uint8_t, size);
    uint8_t *encrypted = m_new(uint8_t, size + TAG_SIZE);
    size_t len;
    mp_uint_t start = mp_hal_ticks_cpu();
    for (int i = 0; i < RECORDS; i++) {
        check(psa_aead_encrypt(key, algorithm, zeros, 12, zeros, 13, plain, size, encrypted, size + TAG_SIZE, &len));
        check(psa_aead_decrypt(key, algorithm, zeros, 12, zeros, 13, encrypted, len, plain, size, &len));
    }
    mp_uint_t ticks = mp_hal_ticks_cpu() - start;
    check(psa_destroy_key(key));
    return mp_obj_new_int_from_uint(ticks / RECORDS);
}
static MP_DEFINE_CONST_FUN_OBJ_2(bench_cipher_obj, bench_cipher);

#endif

static const mp_rom_map_elem_t bench_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_bench)},
    {MP_ROM_QSTR(MP_QSTR_pipe), MP_ROM_PTR(&bench_pipe_obj)},
#ifdef MBEDTLS_PSA_CRYPTO_C
    {MP_ROM_QSTR(MP_QSTR_cipher), MP_ROM_PTR(&bench_cipher_obj)},
#endif
};
static MP_DEFINE_CONST_DICT(bench_globals, bench_globals_table);

const mp_obj_module_t bench_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&bench_globals,
};

MP_REGISTER_MODULE(MP_QSTR_bench, bench_module);
