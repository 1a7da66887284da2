-- Rotated keys of datasets, and what was written under scopes.

-- Below this generation nothing new is stored: its key is about to be destroyed, or was.
CREATE TABLE key_floors (
  dataset TEXT NOT NULL PRIMARY KEY,
  generation INTEGER NOT NULL CHECK (generation > 0)
) STRICT, WITHOUT ROWID;

-- What was ever stored under a lease or a holder; reserved before it arrives, given back when nothing was.
CREATE TABLE scope_writes (
  scope TEXT NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  objects INTEGER NOT NULL CHECK (objects >= 0)
) STRICT, WITHOUT ROWID;
