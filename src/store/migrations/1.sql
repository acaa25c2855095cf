-- Version 1: the outbox, the latest snapshots, the health of the polls.
-- Times are milliseconds since 1970 in UTC. class: 0 recurring, 1 alert.

-- One row per destination that ever had an event. The counts are kept by triggers, so that the
-- size limit is checked without counting rows.
CREATE TABLE queue (
    id             INTEGER PRIMARY KEY,
    destination    TEXT    NOT NULL UNIQUE,
    pending        INTEGER NOT NULL DEFAULT 0,
    dead           INTEGER NOT NULL DEFAULT 0,
    attempts       INTEGER NOT NULL DEFAULT 0, -- failed deliveries in a row
    last_error     TEXT,
    last_error_at  INTEGER,
    last_delivered INTEGER,
    nudge          INTEGER NOT NULL DEFAULT 0  -- counts "try now" requests of a person
) STRICT;

-- AUTOINCREMENT: a seq is never used again, so that settling an event that was dropped meanwhile
-- can't hit another one.
CREATE TABLE event (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT    NOT NULL UNIQUE,
    site     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    time     INTEGER NOT NULL, -- of the poll
    recorded INTEGER NOT NULL, -- by this process's clock: what the age limit is counted from
    json     TEXT    NOT NULL
) STRICT;
CREATE INDEX event_recorded ON event (recorded);

-- What is still owed to whom. The key's order is the order of sacrifice (class, dead) and of
-- delivery (seq).
CREATE TABLE delivery (
    queue      INTEGER NOT NULL REFERENCES queue (id),
    class      INTEGER NOT NULL,
    dead       INTEGER NOT NULL DEFAULT 0,
    seq        INTEGER NOT NULL REFERENCES event (seq),
    attempts   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    PRIMARY KEY (queue, class, dead, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX delivery_seq ON delivery (seq, queue);

CREATE TRIGGER delivery_added AFTER INSERT ON delivery BEGIN
    UPDATE queue SET pending = pending + (NEW.dead = 0), dead = dead + (NEW.dead = 1)
     WHERE id = NEW.queue;
END;
CREATE TRIGGER delivery_turned AFTER UPDATE OF dead ON delivery WHEN OLD.dead <> NEW.dead BEGIN
    UPDATE queue SET pending = pending + (NEW.dead = 0) - (OLD.dead = 0),
                     dead = dead + (NEW.dead = 1) - (OLD.dead = 1)
     WHERE id = NEW.queue;
END;
CREATE TRIGGER delivery_gone AFTER DELETE ON delivery BEGIN
    UPDATE queue SET pending = pending - (OLD.dead = 0), dead = dead - (OLD.dead = 1)
     WHERE id = OLD.queue;
    DELETE FROM event
     WHERE seq = OLD.seq AND NOT EXISTS (SELECT 1 FROM delivery WHERE seq = OLD.seq);
END;

-- How many deliveries were given up, and why.
CREATE TABLE dropped (
    queue  INTEGER NOT NULL REFERENCES queue (id),
    reason TEXT    NOT NULL,
    class  INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (queue, reason, class)
) STRICT, WITHOUT ROWID;

-- The newest recurring event of each kind and site, whether or not a destination wanted it.
CREATE TABLE latest (
    site TEXT    NOT NULL,
    kind TEXT    NOT NULL,
    time INTEGER NOT NULL,
    json TEXT    NOT NULL,
    PRIMARY KEY (site, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE health (
    site         TEXT    NOT NULL,
    monitor      TEXT    NOT NULL,
    last_poll    INTEGER NOT NULL,
    last_success INTEGER,
    failures     INTEGER NOT NULL, -- in a row
    error_code   TEXT,
    error_text   TEXT,
    PRIMARY KEY (site, monitor)
) STRICT, WITHOUT ROWID;
