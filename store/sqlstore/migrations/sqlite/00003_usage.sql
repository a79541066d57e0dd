-- A row is an attempt; the final one stands for its request. Texts that are
-- empty are null, which is the cheapest thing to write.

-- +goose Up
CREATE TABLE usage_log (
    id                INTEGER NOT NULL PRIMARY KEY,
    request_id        TEXT    NOT NULL,
    n                 INTEGER NOT NULL,
    final             INTEGER NOT NULL,
    time              INTEGER NOT NULL,
    user_id           TEXT,
    virtual_key_id    TEXT,
    client_request_id TEXT,
    dialect           TEXT,
    model             TEXT,
    stream            INTEGER NOT NULL,
    request_status    INTEGER NOT NULL,
    request_outcome   TEXT,
    request_error     TEXT,
    attempts          INTEGER NOT NULL,
    request_ttft      INTEGER NOT NULL,
    request_duration  INTEGER NOT NULL,
    skipped           TEXT,
    provider          TEXT,
    served_model      TEXT,
    key_id            TEXT,
    started_at        INTEGER NOT NULL,
    ttft              INTEGER NOT NULL,
    duration          INTEGER NOT NULL,
    status            INTEGER NOT NULL,
    outcome           TEXT,
    error_code        TEXT,
    error             TEXT,
    why_chosen        TEXT,
    why_left          TEXT,
    warnings          TEXT,
    charged           INTEGER NOT NULL,
    ambiguous         INTEGER NOT NULL,
    demo              INTEGER NOT NULL,
    input             INTEGER NOT NULL,
    cache_read        INTEGER NOT NULL,
    cache_write_5m    INTEGER NOT NULL,
    cache_write_1h    INTEGER NOT NULL,
    output            INTEGER NOT NULL,
    reasoning         INTEGER NOT NULL,
    audio_input       INTEGER NOT NULL,
    audio_output      INTEGER NOT NULL,
    estimated         INTEGER NOT NULL,
    UNIQUE (request_id, n)
) STRICT;

-- The walk along time, newest first. It holds every column that a filter names,
-- so that rows which do not match are never read; times only grow, so adding to
-- it costs little. An index a filter would triple the cost of a row.
CREATE INDEX usage_log_by_time ON usage_log (time, request_id, request_status, request_outcome, provider, served_model,
    model, key_id, user_id, virtual_key_id) WHERE final = 1;
CREATE INDEX usage_log_by_client_request ON usage_log (client_request_id) WHERE client_request_id IS NOT NULL;

-- +goose Down
DROP TABLE usage_log;
