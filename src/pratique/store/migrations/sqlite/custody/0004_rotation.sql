-- Rotated keys of datasets, and what leases have written.

-- Below this generation nothing new is stored: its key is about to be destroyed, or was.
CREATE TABLE key_floors (
  dataset TEXT NOT NULL PRIMARY KEY,
  generation INTEGER NOT NULL CHECK (generation > 0)
) STRICT, WITHOUT ROWID;

-- What a lease has ever stored; reserved before it arrives, given back when nothing was stored.
CREATE TABLE lease_writes (
  lease TEXT NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  objects INTEGER NOT NULL CHECK (objects >= 0)
) STRICT, WITHOUT ROWID;
