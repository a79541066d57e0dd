-- Times are nanoseconds since 1970 UTC, 0 for never; lists are JSON.

-- +goose Up
CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    disabled      INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    last_login    INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

-- One row once there has been an admin, and for ever after.
CREATE TABLE bootstrap (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1)
) STRICT;

-- At most one row: the setup token that can make the first admin.
CREATE TABLE setup_token (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    hash    TEXT    NOT NULL,
    expires INTEGER NOT NULL,
    spent   INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    used       INTEGER NOT NULL,
    user_agent TEXT    NOT NULL,
    ip         TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- +goose Down
DROP TABLE sessions;
DROP TABLE setup_token;
DROP TABLE bootstrap;
DROP TABLE users;
