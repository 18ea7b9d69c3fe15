# The files of Mbed TLS's arithmetic, which tests compile without sanitizers: it does not look at what a peer says, but
# would take most of the time.
ARITHMETIC = bignum bignum_core bignum_mod bignum_mod_raw ecp ecp_curves ecp_curves_new sha256 sha512 aes aesni gcm \
	chacha20 poly1305
