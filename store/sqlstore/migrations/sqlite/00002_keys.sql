-- +goose Up
CREATE TABLE provider_keys (
    id             TEXT    NOT NULL PRIMARY KEY,
    provider       TEXT    NOT NULL,
    type           TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    base_url       TEXT    NOT NULL,
    sealed         BLOB    NOT NULL,
    masked         TEXT    NOT NULL,
    fingerprint    TEXT    NOT NULL,
    disabled       INTEGER NOT NULL,
    priority       INTEGER NOT NULL,
    weight         INTEGER NOT NULL,
    rpm            INTEGER NOT NULL,
    tpm            INTEGER NOT NULL,
    daily_requests INTEGER NOT NULL,
    daily_tokens   INTEGER NOT NULL,
    models         TEXT, -- null: all
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    UNIQUE (provider, fingerprint)
) STRICT;

-- Keys of the environment and the config file have a status too.
CREATE TABLE key_status (
    key_id    TEXT    NOT NULL PRIMARY KEY,
    state     TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    until     INTEGER NOT NULL,
    day       INTEGER NOT NULL,
    requests  INTEGER NOT NULL,
    tokens    INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    anchor    INTEGER NOT NULL
) STRICT;

CREATE TABLE virtual_keys (
    id                    TEXT    NOT NULL PRIMARY KEY,
    hash                  BLOB    NOT NULL,
    prefix                TEXT    NOT NULL,
    name                  TEXT    NOT NULL,
    owner_id              TEXT REFERENCES users (id) ON DELETE CASCADE, -- null: nobody's
    models                TEXT, -- null: all
    rpm                   INTEGER NOT NULL,
    tpm                   INTEGER NOT NULL,
    max_parallel_requests INTEGER NOT NULL,
    disclose              INTEGER NOT NULL,
    allow_direct_models   INTEGER NOT NULL,
    allow_body_keys       TEXT, -- null: none
    disabled              INTEGER NOT NULL,
    expires_at            INTEGER NOT NULL,
    last_used             INTEGER NOT NULL,
    created_at            INTEGER NOT NULL
) STRICT;
CREATE INDEX virtual_keys_by_owner ON virtual_keys (owner_id);

-- +goose Down
DROP TABLE virtual_keys;
DROP TABLE key_status;
DROP TABLE provider_keys;
