-- Portable between SQLite and PostgreSQL: TEXT and BIGINT only, keys made by the program, no database defaults.
-- Times are seconds since the Unix epoch. Fingerprints, hashes and ids are lower-case hexadecimal.

CREATE TABLE csrs (
    fingerprint   TEXT   PRIMARY KEY,
    name          TEXT   NOT NULL,
    enrolled_at_s BIGINT NOT NULL,
    removed_at_s  BIGINT -- kept after removal, so that reports still name who held a session
);

CREATE TABLE enrolment_tokens (
    secret_hash  TEXT   PRIMARY KEY, -- SHA-256; the secret itself is never stored
    created_at_s BIGINT NOT NULL,
    expires_at_s BIGINT NOT NULL,
    used_at_s    BIGINT,
    used_by      TEXT REFERENCES csrs (fingerprint)
);

CREATE TABLE sessions (
    id           TEXT   PRIMARY KEY, -- numbers are drawn again once a session is over, ids never
    number       TEXT   NOT NULL,
    csr          TEXT   NOT NULL REFERENCES csrs (fingerprint),
    opened_at_s  BIGINT NOT NULL,
    closed_at_s  BIGINT,
    close_reason TEXT   -- 'closed', 'lost', 'removed' or 'center_stopped'
);

CREATE INDEX sessions_open ON sessions (closed_at_s, csr);
