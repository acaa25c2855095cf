-- Version 10: which settings the daemon runs on, and who wants them read again.

CREATE TABLE reload (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    asked INTEGER NOT NULL, -- how often commands asked for it
    done  INTEGER NOT NULL, -- up to which of these it was done
    state TEXT              -- JSON; NULL before a daemon ran
) STRICT;
INSERT INTO reload VALUES (1, 0, 0, NULL);
