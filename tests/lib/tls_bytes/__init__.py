"""TLS 1.3 and 1.2 from the RFCs (8446, 5246, 5288, 8422, 7627), byte by byte, for tests that have to break it.

wire        numbers, vectors, hellos: messages as bytes
keys        key exchange, key schedules, signatures
records     protection of records
peer        what all four peers share: sending, hearing, and what a test may alter
tls13       Client13, Server13
tls12       Client12, Server12

Only what a test needs: TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, X25519, P-256, ECDSA P-256. A
peer checks nothing of what it hears unless a test has it checked. Nothing here is safe to use for anything else.
"""
